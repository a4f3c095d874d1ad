import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { sha256 } from '../../rigs/disk.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** One pipeline with every format that a BIOS disk or a tree of files can have, and a branch of it. */
const BASE = `source: { type: rootfs, path: tiny.tar }
steps:
  - { type: file, name: kernel, path: /boot/vmlinuz-1.0, content: kernel }
  - { type: file, name: initrd, path: /boot/initrd.img-1.0, content: initrd }
  - { type: shell, name: work, inline: "mkdir -p /opt/deep; echo made > /opt/made; chmod 4750 /opt/made; chown web:extra /opt/made" }
`;
const DISK_FORMATS = `  - { type: raw }
  - { type: raw, name: packed, compression: zstd }
  - { type: qcow2 }
  - { type: qcow2, name: small, compression: zstd }
  - { type: vmdk }
  - { type: vmdk, name: stream, subformat: streamOptimized }
  - { type: vdi }
  - { type: vhd }
  - { type: vhdx }
  - { type: gce }
  - { type: ova }
  - { type: vmware }
  - { type: vagrant, provider: libvirt }
`;
const LAYER_FORMATS = `  - { type: directory }
  - { type: rootfs-tar }
  - { type: wsl }
  - { type: squashfs }
  - { type: erofs }
  - { type: oci }
  - { type: oci, name: folder, form: folder }
  - { type: docker-archive, tag: web }
`;

let project: CliProject;
let out = '';
const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

const sh = (script: string, ...args: string[]): string =>
  execFileSync('sh', ['-ec', script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Everything that a file system of Linux keeps of a tree, one line an entry. */
const list = (tree: string): string[] =>
  sh(
    `cd "$0"; find . -mindepth 1 -not -type l -printf '%P %y %m %U:%G %T@\\n' | sed -E 's/\\.0+$//'
     find . -type l -printf '%P -> %l %U:%G\\n'; find . -type f -exec sha256sum {} +`,
    tree,
  )
    .trim()
    .split('\n')
    .toSorted();

/** A fresh folder for one format. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'imgpipe-test-'));
  ends.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** SHA-256 of the disk in a file, as qemu-img reads it. */
function diskSum(file: string): string {
  const raw = join(folder(), 'disk.raw');
  sh('qemu-img convert -O raw "$0" "$1"', file, raw);
  return sha256(raw);
}

describe.skipIf(noWorkspace !== undefined)('all formats of one pipeline in one run', () => {
  beforeAll(async () => {
    project = new CliProject(
      {
        'pipelines/web.yaml': `${BASE}disk: { size: 48MiB, firmware: bios }\nexports:\n${DISK_FORMATS}${LAYER_FORMATS}`,
      },
      { onEnd: (end) => ends.push(end) },
    );
    addTinyRoot(project);
    const result = await project.build();
    expect(result.code, result.stderr + result.stdout.slice(-2000)).toBe(0);
    // Every layer once, and one disk for all.
    expect(result.built.filter((name) => name === 'disk' || name === 'work')).toEqual(['work', 'disk']);
    out = project.path('output/web');
  }, 120_000);

  it.each<[string, (folder: string) => string]>([
    ['web.qcow2', (to) => (sh('cp "$0"/web.qcow2 "$1"', out, to), join(to, 'web.qcow2'))],
    ['web-small.qcow2', () => join(out, 'web-small.qcow2')],
    ['web.vmdk', () => join(out, 'web.vmdk')],
    ['web-stream.vmdk', () => join(out, 'web-stream.vmdk')],
    ['web.vdi', () => join(out, 'web.vdi')],
    ['web.vhd', () => join(out, 'web.vhd')],
    ['web.vhdx', () => join(out, 'web.vhdx')],
    [
      'web-packed.raw.zst',
      (to) => (sh('zstd -q -d "$0"/web-packed.raw.zst -o "$1"/d.raw', out, to), join(to, 'd.raw')),
    ],
    ['web.ova', (to) => (sh('bsdtar -xf "$0"/web.ova -C "$1"', out, to), join(to, 'web-disk1.vmdk'))],
    [
      'web.vmware.tar',
      (to) => (sh('bsdtar -xf "$0"/web.vmware.tar -C "$1"', out, to), sh('ls "$0"/*/*.vmdk', to).trim()),
    ],
    [
      'web.libvirt.box',
      (to) => (sh('bsdtar -xf "$0"/web.libvirt.box -C "$1"', out, to), join(to, 'box.img')),
    ],
  ])('%s holds the same disk, byte by byte', (_, open) => {
    expect(diskSum(open(folder()))).toBe(sha256(join(out, 'web.raw')));
  });

  it.each<[string, string]>([
    ['web.tar.zst', 'bsdtar -xpf "$0"/web.tar.zst -C "$1"'],
    ['web.wsl', 'bsdtar -xpf "$0"/web.wsl -C "$1"'],
    ['web.squashfs', 'unsquashfs -q -n -f -d "$1" "$0"/web.squashfs'],
    ['web.erofs', 'fsck.erofs --extract="$1" --overwrite "$0"/web.erofs'],
    [
      'web.oci.tar',
      'skopeo copy -q oci-archive:"$0"/web.oci.tar oci:"$1.l":x; umoci raw unpack --image "$1.l":x "$1.u"; mv "$1.u"/* "$1"; touch -r "$1.u" "$1"; rm -r "$1.l" "$1.u"',
    ],
    [
      'web-folder.oci',
      'umoci raw unpack --image "$0"/web-folder.oci:latest "$1.u"; mv "$1.u"/* "$1"; rm -r "$1.u"',
    ],
  ])('%s holds the same files', (_, unpack) => {
    const tree = folder();
    sh(unpack, out, tree);
    expect(list(tree)).toEqual(list(join(out, 'web.tree')));
  });

  it('web.gce.tar.gz holds the same root file system on a disk of whole GiB', () => {
    const work = folder();
    sh('bsdtar -xf "$0"/web.gce.tar.gz -C "$1"', out, work);
    expect(sha256(rootOf(join(work, 'disk.raw')))).toBe(sha256(rootOf(join(out, 'web.raw'))));
  });

  it('the disk holds the same files', () => {
    const tree = folder();
    sh('debugfs -R "rdump / $0" "$1" 2>&1', tree, rootOf(join(out, 'web.raw')));
    const inDisk = new Set(list(tree));
    // debugfs leaves the sticky bit of folders out.
    const files = list(join(out, 'web.tree')).map((line) => line.replace(' d 1777 ', ' d 777 '));
    expect(files.filter((line) => !inDisk.has(line))).toEqual([]);
  });
});

describe.skipIf(noWorkspace !== undefined)('profiles as branches of one pipeline', () => {
  it('share every layer before the branch; a change of one builds nothing of the other', async () => {
    const branch = (text: string): string =>
      `source: { type: pipeline, name: base }
steps: [{ type: shell, name: own, inline: "echo ${text} > /profile" }]
exports: [{ type: rootfs-tar, compression: none }]
`;
    const files = {
      'pipelines/base.yaml': BASE,
      'pipelines/dev.yaml': branch('dev'),
      'pipelines/prod.yaml': branch('prod'),
    };
    const profiles = new CliProject(files);
    addTinyRoot(profiles);
    const ran = async (): Promise<string[]> => {
      const result = await profiles.run('build', '--ui=json');
      expect(result.code, result.stderr).toBe(0);
      const events = result.stdout.split('\n').filter((line) => line.includes('"type":"node-started"'));
      return events.map((line) => (JSON.parse(line) as { id: string }).id).toSorted();
    };
    const shared = ['base/initrd', 'base/kernel', 'base/source', 'base/work'];
    const own = (name: string): string[] => ['own', 'rootfs-tar', 'seal'].map((node) => `${name}/${node}`);
    expect(await ran()).toEqual([...shared, ...own('dev'), ...own('prod')]);
    profiles.write('pipelines/prod.yaml', branch('production'));
    // What the seal deletes is the same, so it stands.
    expect(await ran()).toEqual(expect.arrayContaining(['prod/own', 'prod/rootfs-tar']));
    const tree = (name: string): string[] => {
      const to = folder();
      sh('bsdtar -xpf "$0" -C "$1"', profiles.path(`output/${name}/${name}.tar`), to);
      return list(to).filter((line) => !line.includes('profile'));
    };
    expect(tree('dev')).toEqual(tree('prod'));
    profiles.write('pipelines/prod.yaml', branch('again'));
    expect((await ran()).filter((id) => !id.startsWith('prod/'))).toEqual([]);
  });
});

/** The last partition of a disk, as a file. */
function rootOf(disk: string): string {
  const { partitiontable } = JSON.parse(sh('sfdisk -J "$0"', disk)) as {
    partitiontable: { partitions: { start: number; size: number }[] };
  };
  const root = partitiontable.partitions.toSorted((a, b) => a.start - b.start).at(-1);
  const file = join(folder(), 'root');
  sh(
    'dd if="$0" of="$1" bs=512 skip="$2" count="$3" status=none',
    disk,
    file,
    String(root?.start),
    String(root?.size),
  );
  return file;
}
