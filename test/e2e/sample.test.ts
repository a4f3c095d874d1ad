import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DISK_FORMATS,
  expectDisk,
  expectTree,
  exportsOf,
  type Format,
  LAYER_FORMATS,
  listTree,
  rootOf,
  sh,
  withoutSpecialBits,
} from '../rigs/all-formats.ts';
import { boot, bootKernel } from '../rigs/boot-image.ts';
import { CliProject } from '../rigs/cli.ts';
import { temporaryFolder } from '../rigs/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The repository's own sample project, in a folder and with a cache of its own. */
const project = new CliProject({}, { onEnd: afterAll });
cpSync(join(ROOT, 'pipelines'), project.path('pipelines'), { recursive: true });

const PIPELINE = 'pipelines/debian-web/pipeline.ts';

const edit = (file: string, from: string, to: string): void => {
  const path = project.path(`pipelines/debian-web/${file}`);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
};

/** What live media and unified kernel images need. */
const MEDIA = ['live-boot', 'live-boot-initramfs-tools', 'systemd-boot-efi'];

/** A boot takes longer than everything else, so it checks only what is new: the page that was edited. */
const CHECKS = /^ {4}checks: .*\n/m;
const [bootCheck = ''] = CHECKS.exec(project.read(PIPELINE)) ?? [];
const withBootCheck = (text: string): void => {
  const template = project.read(PIPELINE);
  project.write(PIPELINE, template.replace(CHECKS, '').replace(/^ {2}\}\),$/m, `${text}$&`));
};

const sha256 = (name: string): string => {
  const sums = project.read('output/debian-web/SHA256SUMS');
  return sums.split('\n').find((line) => line.endsWith(`  ${name}`)) ?? '';
};

test('the plan of the sample templates', async () => {
  const plan = await project.run('plan');
  expect(plan.stdout).toBe(readFileSync(join(ROOT, 'test/golden/plan/sample.txt'), 'utf8'));
});

describe('debian-web, built for real', () => {
  test('from nothing to a qcow2', async () => {
    withBootCheck('');
    const first = await project.build('debian-web', '-only=debian-web/qcow2');
    expect(first).toMatchObject({ code: 0, cached: [] });
    expect(await project.build('debian-web', '-only=debian-web/qcow2')).toMatchObject({ code: 0, built: [] });
  });

  test('an edited page rebuilds its layer and the exports, and the booted image serves it', async () => {
    edit('files/www/index.html', 'It works', 'Only this changed');
    const wanted = bootCheck.replace('It works', 'Only this changed');
    withBootCheck(wanted.replace("type: 'boot',", "$& firmware: 'uefi',"));
    const edited = await project.build('debian-web');
    expect(edited.stderr).toBe('');
    expect(edited.code).toBe(0);
    expect(edited.built.toSorted()).toEqual(['boot', 'disk', 'qcow2', 'qcow2-zstd', 'raw', 'site']);
    expect(edited.cached).toEqual(
      expect.arrayContaining(['packages', 'pages', 'services', 'nginx-config', 'seal']),
    );
  });

  test('the bytes are those of disks built from nothing', async () => {
    const incremental = ['debian-web.qcow2', 'debian-web.raw'].map(sha256);
    rmSync(project.path('cache/disks'), { recursive: true });
    const again = await project.build(
      'debian-web',
      '-only=debian-web/qcow2',
      '-only=debian-web/raw',
      '-force',
    );
    expect(again).toMatchObject({ code: 0 });
    expect(again.built).toEqual(expect.arrayContaining(['qcow2', 'raw']));
    expect(['debian-web.qcow2', 'debian-web.raw'].map(sha256)).toEqual(incremental);
  });

  test('more packages leave the independent file layers cached', async () => {
    withBootCheck('');
    const names = MEDIA.map((name) => `\n          '${name}',`);
    edit('pipeline.ts', "'ca-certificates',", `'ca-certificates',${names.join('')}`);
    const grown = await project.build('debian-web', '-only=debian-web/qcow2');
    expect(grown).toMatchObject({ code: 0 });
    expect(grown.built).toContain('packages');
    expect(grown.cached).toEqual(
      expect.arrayContaining(['source', 'hostname', 'sysctl', 'motd', 'network', 'nginx-config', 'site']),
    );
  });

  test('a pipeline on top of it builds its own steps only', async () => {
    const dev = await project.build('debian-web-dev');
    expect(dev).toMatchObject({
      code: 0,
      built: ['tools', 'developer', 'motd-dev', 'disk', 'qcow2'],
    });
  });
});

/** Variants of kinds are read back from a tiny image, in parity.test.ts; here it is about the size of a real one. */
const withoutVariants = (formats: readonly Format[]): Format[] =>
  formats.filter(({ isVariant }) => !isVariant);
/** So is the usual effort of compression, of kinds that take seconds a gigabyte with it. */
const quickly = (format: Format): Format => {
  const entry = /type: (oci|squashfs|vagrant|wsl)\b/.test(format.entry)
    ? format.entry.replace(' }', ', level: 1 }')
    : format.entry.replace('type: erofs', '$&, compression: lz4');
  return { ...format, entry };
};
const DISKS = withoutVariants(DISK_FORMATS).map(quickly);
/** The two others that are made of layers hold those of the archive. */
const OCI_TWINS = ['-folder.oci', '.docker.tar'];
const LAYERS = withoutVariants(LAYER_FORMATS).map(quickly);

/** The sample with the packages for media, in every format that there is. */
const EVERYTHING = `source: { type: pipeline, name: debian-web }
steps: []
disk: { free: 32MiB }
exports:
${exportsOf(
  [...DISKS, ...LAYERS],
  '{ type: raw }',
  '{ type: gce, level: 1 }',
  '{ type: directory }',
  '{ type: data-disk, from: /srv/www }',
  '{ type: iso }',
  '{ type: kernel, args: [root=/dev/vda3, ro, console=ttyS0] }',
  '{ type: uki }',
)}`;

describe('the sample in all formats, from one build', () => {
  const out = (ending: string): string => project.path(`output/formats/formats${ending}`);
  let files: readonly string[] = [];

  beforeAll(async () => {
    project.write('pipelines/formats.yaml', EVERYTHING);
    const { code, stderr, built } = await project.build('formats');
    expect(code, stderr).toBe(0);
    expect(built.filter((name) => name === 'disk')).toHaveLength(1);
    files = listTree(out('.tree'));
    expect(files.length).toBeGreaterThan(3000);
  });

  test.each(DISKS)('$file holds the same disk, byte by byte', (format) => {
    expectDisk(format, out(format.file), out('.raw'));
  });

  test.each(LAYERS.filter(({ file }) => !OCI_TWINS.includes(file)))(
    '$file holds the same files',
    (format) => {
      expectTree(format, out(format.file), files, out('.tar.zst'));
    },
  );

  test("OCI's folder and Docker's archive hold the layers of the OCI archive", () => {
    const layout = temporaryFolder();
    sh('bsdtar -xf "$0" -C "$1"; diff -r "$1" "$2"', out('.oci.tar'), layout, out('-folder.oci'));
    // skopeo checks every layer that it copies, as it is.
    const copy = join(temporaryFolder(), 'copy');
    sh('skopeo copy -q --insecure-policy "docker-archive:$0" "dir:$1"', out('.docker.tar'), copy);
    const layers = (image: string): string[] => {
      const config = JSON.parse(sh('skopeo inspect --config "$0"', image)) as {
        rootfs: { diff_ids: string[] };
      };
      return config.rootfs.diff_ids;
    };
    const manifest = JSON.parse(sh('skopeo inspect --raw "$0"', `dir:${copy}`)) as {
      layers: { digest: string }[];
    };
    expect(manifest.layers.map(({ digest }) => digest)).toEqual(layers(`oci:${layout}`));
    expect(layers(`dir:${copy}`)).toEqual(layers(`oci:${layout}`));
  });

  test('the disk holds the same files, and the disk for Compute Engine the same file system', () => {
    const root = rootOf(out('.raw'));
    sh('e2fsck -fn "$0" 2>&1', root);
    const tree = temporaryFolder();
    sh('debugfs -R "rdump / $0" "$1" 2>&1', tree, root);
    const inDisk = new Set(listTree(tree));
    // debugfs leaves special bits out.
    const expected = withoutSpecialBits(withoutSpecialBits(files, 'd'), 'f');
    expect(expected.filter((line) => !inDisk.has(line))).toEqual([]);
    const work = temporaryFolder();
    sh('bsdtar -xf "$0" -C "$1"', out('.gce.tar.gz'), work);
    sh('cmp "$0" "$1"', rootOf(join(work, 'disk.raw')), root);
  });

  test('the medium holds the same files', () => {
    const work = temporaryFolder();
    sh('xorriso -osirrox on -indev "$0" -extract /live "$1/live" 2>&1', out('.iso'), work);
    sh('unsquashfs -q -n -f -d "$0/tree" "$0"/live/filesystem.squashfs', work);
    expect(listTree(join(work, 'tree'))).toEqual(files);
  });

  test('the data disk holds the files of its folder', () => {
    const work = temporaryFolder();
    sh('qemu-img convert -O raw "$0" "$1/raw"', out('.data.qcow2'), work);
    sh('mkdir "$1/tree"; debugfs -R "rdump / $1/tree" "$0" 2>&1', rootOf(join(work, 'raw')), work);
    sh('rmdir "$0/tree/lost+found"; diff -r "$0/tree" "$1/srv/www"', work, out('.tree'));
  });

  test('kernel and initial RAM disk are those of the image, in the tar and in the EFI program', () => {
    const work = temporaryFolder();
    sh(
      'bsdtar -xf "$0" -C "$1"; 7zz x -y -o"$1" "$2" .linux .initrd >&2',
      out('.kernel.tar'),
      work,
      out('.efi'),
    );
    for (const [ours, section, name] of [
      ['vmlinuz', '.linux', 'vmlinuz-*'],
      ['initrd.img', '.initrd', 'initrd.img-*'],
    ]) {
      sh(`cmp "$0/${ours}" "$1"/boot/${name}; cmp "$0/${ours}" "$0/${section}"`, work, out('.tree'));
    }
  });

  // Raw disks, qcow2, ISO and VHDX boot in boot.test.ts. The disks are the same, byte by byte: what of a format is left
  // to see is that firmware and boot loader read it.
  test.each([
    ['.vmdk', 'vmdk', 'uefi'],
    ['.vdi', 'vdi', 'bios'],
    ['.vhd', 'vpc', 'uefi'],
  ] as const)('%s boots as %s by %s', async (file, format, firmware) => {
    await boot(out(file), { firmware, ready: 'Linux version' }, format);
  });

  test('kernel and initial RAM disk start without a boot loader, on the raw disk', async () => {
    const work = temporaryFolder();
    sh('bsdtar -xf "$0" -C "$1"', out('.kernel.tar'), work);
    await bootKernel(work, out('.raw'), /EXT4-fs \(vda3\): mounted/);
  });
});
