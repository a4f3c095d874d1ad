import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

/** One export of a template and how programs that are not ours take its file apart. */
export interface Format {
  /** Entry of `exports`, YAML. */
  readonly entry: string;
  /** Name of the file after that of the pipeline. */
  readonly file: string;
  /**
   * - `disk`: a shell script that prints the path of a file that qemu-img takes for the whole disk
   * - `bytes`: one that writes the raw disk to standard output
   * - `tree`: one that unpacks all files of the image into the folder `$1`
   * - `tar`: one that writes the tar of `rootfs-tar` to standard output
   *
   * `$0` is the exported file, `$1` an empty folder.
   */
  /** Another compression, version or profile of a kind that is there without it. */
  readonly isVariant?: true;
  readonly readBack:
    | { readonly type: 'disk'; readonly format: string; readonly script: string }
    | { readonly type: 'bytes' | 'tar'; readonly script: string }
    | { readonly type: 'tree'; readonly script: string; readonly losesSpecialBits?: boolean };
}

const disk = (entry: string, file: string, format: string, script = 'echo "$0"'): Format => {
  return { entry, file, readBack: { type: 'disk', format, script } };
};
const bytes = (entry: string, file: string, script: string): Format => {
  return { entry, file, readBack: { type: 'bytes', script } };
};
const tree = (entry: string, file: string, script: string): Format => {
  return { entry, file, readBack: { type: 'tree', script } };
};
const tar = (entry: string, file: string, script: string): Format => {
  return { entry, file, readBack: { type: 'tar', script } };
};

const variant = (format: Format): Format => ({ ...format, isVariant: true });

const unpacked = (name: string): string => `bsdtar -xf "$0" -C "$1"; echo "$1"/${name}`;

const OCI_FOLDER = 'umoci raw unpack --image "$0:latest" "$1.u"; mv "$1.u"/* "$1"; rm -r "$1.u"';
/** skopeo checks all digests and gives the layout that umoci unpacks. */
const ociFrom = (transport: string): string =>
  `skopeo copy -q --insecure-policy "${transport}:$0" oci:"$1.l":x; umoci raw unpack --image "$1.l":x "$1.u"; mv "$1.u"/* "$1"; rm -r "$1.l" "$1.u"`;

/** Every format of a disk, beside `raw` and `directory` with which they are compared. */
export const DISK_FORMATS: readonly Format[] = [
  bytes('{ type: raw, name: zst, compression: zstd }', '-zst.raw.zst', 'zstd -dc "$0"'),
  variant(bytes('{ type: raw, name: gz, compression: gz, level: 1 }', '-gz.raw.gz', 'gzip -dc "$0"')),
  variant(bytes('{ type: raw, name: xz, compression: xz, level: 0 }', '-xz.raw.xz', 'xz -dc "$0"')),
  bytes(
    '{ type: bmap }',
    '.bmap',
    'bmaptool -q copy --bmap "$0" "${0%.bmap}.raw" "$1/copy" >&2; cat "$1/copy"',
  ),
  disk('{ type: qcow2 }', '.qcow2', 'qcow2'),
  variant(disk(`{ type: qcow2, name: v2, version: '0.10' }`, '-v2.qcow2', 'qcow2')),
  variant(disk('{ type: qcow2, name: zlib, compression: zlib }', '-zlib.qcow2', 'qcow2')),
  disk('{ type: qcow2, name: zstd, compression: zstd }', '-zstd.qcow2', 'qcow2'),
  disk('{ type: vmdk }', '.vmdk', 'vmdk'),
  disk('{ type: vmdk, name: stream, subformat: streamOptimized }', '-stream.vmdk', 'vmdk'),
  disk('{ type: vdi }', '.vdi', 'vdi'),
  variant(disk('{ type: vdi, name: fixed, allocation: fixed }', '-fixed.vdi', 'vdi')),
  disk('{ type: vhd }', '.vhd', 'vpc'),
  disk('{ type: vhd, name: azure, allocation: fixed }', '-azure.vhd', 'vpc'),
  disk('{ type: vhdx }', '.vhdx', 'vhdx'),
  variant(disk('{ type: vhdx, name: full, allocation: fixed }', '-full.vhdx', 'vhdx')),
  disk('{ type: ova }', '.ova', 'vmdk', unpacked('*-disk1.vmdk')),
  variant(disk('{ type: ova, name: esx, profile: vmware }', '-esx.ova', 'vmdk', unpacked('*-disk1.vmdk'))),
  disk('{ type: vmware }', '.vmware.tar', 'vmdk', unpacked('*/*.vmdk')),
  disk('{ type: vagrant, name: kvm, provider: libvirt }', '-kvm.libvirt.box', 'qcow2', unpacked('box.img')),
  variant(
    disk(
      '{ type: vagrant, name: vbox, provider: virtualbox }',
      '-vbox.virtualbox.box',
      'vmdk',
      unpacked('box-disk001.vmdk'),
    ),
  ),
  variant(
    disk(
      '{ type: vagrant, name: fusion, provider: vmware_desktop }',
      '-fusion.vmware_desktop.box',
      'vmdk',
      unpacked('disk.vmdk'),
    ),
  ),
];

/** Every format of the files alone. */
export const LAYER_FORMATS: readonly Format[] = [
  tree('{ type: rootfs-tar }', '.tar.zst', 'bsdtar -xpf "$0" -C "$1"'),
  variant(
    tar('{ type: rootfs-tar, name: gz-tar, compression: gz, level: 1 }', '-gz-tar.tar.gz', 'gzip -dc "$0"'),
  ),
  variant(
    tar('{ type: rootfs-tar, name: xz-tar, compression: xz, level: 0 }', '-xz-tar.tar.xz', 'xz -dc "$0"'),
  ),
  tar('{ type: wsl }', '.wsl', 'gzip -dc "$0"'),
  tree('{ type: squashfs }', '.squashfs', 'unsquashfs -q -n -f -d "$1" "$0"'),
  {
    entry: '{ type: erofs }',
    file: '.erofs',
    readBack: {
      type: 'tree',
      script: 'fsck.erofs --extract="$1" --overwrite "$0"',
      // It gives files their owners last, by which the kernel takes these bits away.
      losesSpecialBits: true,
    },
  },
  tree('{ type: oci }', '.oci.tar', ociFrom('oci-archive')),
  tree('{ type: oci, name: folder, form: folder }', '-folder.oci', OCI_FOLDER),
  tree('{ type: docker-archive, tag: web }', '.docker.tar', ociFrom('docker-archive')),
];

export const exportsOf = (formats: readonly Format[], ...more: readonly string[]): string =>
  [...formats.map(({ entry }) => entry), ...more].map((entry) => `  - ${entry}\n`).join('');

/** Runs a shell script that ends with its first error; gives its standard output. */
export function sh(script: string, ...args: string[]): string {
  return execFileSync('bash', ['-o', 'pipefail', '-ec', script, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
}

/**
 * Reads a disk format back.
 * @throws Error when a program finds the file broken, or another disk in it than `raw`
 */
export function expectDisk(format: Format, file: string, raw: string): void {
  const folder = temporaryFolder();
  const { readBack } = format;
  if (readBack.type !== 'disk') {
    sh(`{ ${readBack.script}; } | cmp - "$2"`, file, folder, raw);
    return;
  }
  const image = sh(readBack.script, file, folder).trim();
  // qemu-img has no check of this one.
  if (readBack.format !== 'vpc') sh('qemu-img check -q -f "$0" "$1"', readBack.format, image);
  sh('qemu-img compare -q -f "$0" -F raw "$1" "$2"', readBack.format, image, raw);
}

/**
 * Reads a format of the files back.
 * @param files of `listTree`
 * @param rootfsTar the `rootfs-tar` of the same image
 */
export function expectTree(format: Format, file: string, files: readonly string[], rootfsTar: string): void {
  const { readBack } = format;
  const folder = temporaryFolder();
  if (readBack.type === 'tar') {
    sh(`cmp <(${readBack.script}) <(zstd -dc "$1")`, file, rootfsTar);
    return;
  }
  sh(readBack.script, file, folder);
  const loses = readBack.type === 'tree' && readBack.losesSpecialBits === true;
  expect(listTree(folder)).toEqual(loses ? withoutSpecialBits(files, 'f') : files);
}

/** Entries of one type (`f` file, `d` folder) without set-user-id, set-group-id and sticky bit. */
export function withoutSpecialBits(files: readonly string[], type: 'f' | 'd'): string[] {
  const mode = new RegExp(` ${type} ([0-7]{4}) (?=\\d+:\\d+)`);
  const plain = (_: string, digits: string): string =>
    ` ${type} ${(parseInt(digits, 8) & 0o777).toString(8)} `;
  return files.map((line) => line.replace(mode, plain)).toSorted();
}

/** Everything that a file system of Linux keeps of a tree, one line an entry. */
export function listTree(folder: string): string[] {
  return sh(
    `cd "$0"; find . -mindepth 1 -not -type l -printf '%P %y %m %U:%G %T@\\n' | sed -E 's/\\.0+$//'
     find . -type l -printf '%P -> %l %U:%G\\n'; find . -type f -exec sha256sum {} +`,
    folder,
  )
    .trim()
    .split('\n')
    .toSorted();
}

/** The last partition of a disk, as a file. */
export function rootOf(disk: string): string {
  const { partitiontable } = JSON.parse(sh('sfdisk -J "$0"', disk)) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const root = partitiontable.partitions.toSorted((a, b) => a.start - b.start).at(-1);
  const file = join(temporaryFolder(), 'root');
  const [start, size] = [String(root?.start), String(root?.size)];
  sh('dd if="$0" of="$1" bs=512 skip="$2" count="$3" conv=sparse status=none', disk, file, start, size);
  return file;
}
