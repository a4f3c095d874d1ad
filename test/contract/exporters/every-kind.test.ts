import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import type { HostCommand } from '../../../src/util/exec.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { BOOTABLE_TREE } from '../../rigs/disk.ts';
import { partitionedDisk, runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';
import { endOfFile } from '../../rigs/end-of-file.ts';

/** Kinds that write no file into the output folder: those of machines and of Packer's builders have tests of their own. */
const ELSEWHERE = new Set(['docker-commit', 'docker-discard', 'docker-export', 'file', 'none', 'qemu-disk']);
const kinds = builtinKinds.exports.all.filter(({ type }) => !ELSEWHERE.has(type));

/** Options where the defaults do not do. */
const OPTIONS: Readonly<Record<string, string>> = {
  'docker-archive': 'tag: tiny',
  vagrant: 'provider: libvirt',
  // The other ways of compressing need no program.
  'rootfs-tar': 'compression: xz',
  // So that it cannot be a link or a hole.
  'data-disk': 'from: /boot',
};

/** All that any kind of export wants to find in an image; nothing of it runs. */
const STEPS = `
  - { type: file, name: vmlinuz, path: /boot/vmlinuz-1.0, source: blob }
  - { type: file, name: ram-disk, path: /boot/initrd.img-1.0, source: blob }
  - { type: file, name: live-boot, path: /usr/share/initramfs-tools/scripts/live, content: live }
  - { type: file, name: stub, path: /usr/lib/systemd/boot/efi/linuxx64.efi.stub, source: stub }`;

/** Programs that disks are made with: where they lack, each export of a disk says so of its disk. */
const DISK_TOOLS = ['mke2fs', 'debugfs', 'grub-mkimage', 'mkfs.fat', 'mcopy'];

/** Programs of further file systems, which these exports do not ask for; and what the source is unpacked with. */
const OTHERS = ['mkfs.xfs', 'mkfs.btrfs', 'tar'];

let project: CliProject;
const output = (): string => project.path('output/tiny');

/** The smallest header of an EFI program to which sections can be added. */
function emptyProgram(): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.writeUInt32LE(64, 0x3c);
  bytes.write('PE\0\0', 64, 'latin1');
  bytes.writeUInt16LE(240, 84);
  bytes.writeUInt16LE(0x20b, 88);
  bytes.writeUInt32LE(4096, 120);
  bytes.writeUInt32LE(512, 124);
  bytes.writeUInt32LE(1024, 148);
  return bytes;
}

/** Digests of all exports that lie in the output folder, by name; those of folders are their file lists. */
function digests(): Readonly<Record<string, string>> {
  const digest = (path: string): string =>
    execFileSync(
      'sh',
      ['-c', 'if [ -d "$0" ]; then cd "$0" && find . -type f | sort; else sha256sum < "$0"; fi', path],
      {
        encoding: 'utf8',
      },
    );
  const names = readdirSync(output()).filter((name) => name.startsWith('tiny') && !name.endsWith('.json'));
  return Object.fromEntries(names.map((name) => [name, digest(join(output(), name))]));
}

/** What a build said of each export that failed, by its name. */
async function failures(wrapper: readonly string[] = []): Promise<ReadonlyMap<string, string>> {
  const { code, stdout, stderr } = await project.start(['build', '--ui=json'], {}, wrapper).result;
  expect(code, stderr).toBe(1);
  expect(stderr).not.toMatch(/a bug in imgpipe|\n\s+at /);
  const said = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line) as {
      type: string;
      id?: string;
      end?: { type: string; failures?: { reason: string; message: string }[] };
    };
    if (event.type !== 'node-ended' || event.end?.failures === undefined) continue;
    const text = event.end.failures.map(({ reason, message }) => `${reason}: ${message}`).join('\n');
    said.set(event.id?.split('/')[1] ?? '', text);
  }
  return said;
}

/** Runs a command where the given programs are hidden from everybody. */
function without(programs: readonly string[]): readonly string[] {
  const layer = project.path('usr');
  rmSync(layer, { recursive: true, force: true });
  for (const name of ['upper', 'work']) mkdirSync(join(layer, name), { recursive: true });
  const script = [
    `mount -t overlay -o lowerdir=/usr,upperdir=${layer}/upper,workdir=${layer}/work overlay /usr`,
    `for name in ${programs.join(' ')}; do rm -f "$(realpath "$(command -v "$name")")" "/usr/bin/$name" "/usr/sbin/$name"; done`,
    'exec "$@"',
  ].join('\n');
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
}

/** An empty output folder on a disk of its own. */
function outputOn(options: string): void {
  rmSync(project.path('output'), { recursive: true, force: true });
  mkdirSync(project.path('output'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', project.path('output')]);
  onTestFinished(() => void execFileSync('umount', [project.path('output')]));
}

const atEnd = endOfFile();

describe.skipIf(noWorkspace !== undefined)('every kind of export', () => {
  let whole: Readonly<Record<string, string>> = {};
  const files = new Map<string, string>();

  beforeAll(async () => {
    project = new CliProject({}, { onEnd: atEnd });
    const exports = kinds.map(({ type }) => `  - { type: ${type}, ${OPTIONS[type] ?? ''} }\n`).join('');
    project.write(
      'pipelines/tiny.yaml',
      `source: { type: rootfs, path: tiny.tar }\ndisk: { free: 4MiB, espSize: 4MiB }\nsteps:${STEPS}\nexports:\n${exports}`,
    );
    addTinyRoot(project);
    // Nothing of it is smaller when it is compressed, nor alike.
    const noise = Array.from({ length: 12_000 }, (_, at) => createHash('sha256').update(String(at)).digest());
    writeFileSync(project.path('pipelines/blob'), Buffer.concat(noise));
    writeFileSync(project.path('pipelines/stub'), emptyProgram());
    const first = await project.run('build', '--ui=plain');
    expect(first.code, first.stderr).toBe(0);
    const manifest = JSON.parse(project.read('output/tiny/manifest.json')) as {
      artifacts: { name: string; file: string }[];
    };
    for (const { name, file } of manifest.artifacts) files.set(name, file);
    expect([...files.keys()].toSorted()).toEqual(kinds.map(({ type }) => type).toSorted());
    whole = digests();
  });

  test('names the program that is missing, and leaves the file that was there', async () => {
    const tools = (kind: ExporterKind): readonly string[] => kind.tools ?? [];
    const hidden = [...new Set(kinds.flatMap(tools))].filter(
      (name) => ![...DISK_TOOLS, ...OTHERS].includes(name),
    );
    expect(hidden).toEqual(expect.arrayContaining(['xz', 'mksquashfs', 'mkfs.erofs', 'xorriso']));
    const said = await failures(without(hidden));
    for (const kind of kinds) {
      const own = tools(kind).filter((name) => hidden.includes(name));
      const expected = new RegExp(`^tool-missing: (${own.join('|')}) is not installed`);
      if (own.length > 0) expect(said.get(kind.type) ?? 'no failure', kind.type).toMatch(expected);
      else expect(said.get(kind.type), kind.type).toBeUndefined();
    }
    expect(digests()).toEqual(whole);
  });

  test('that packs with tar says so of it, too', async () => {
    const rig = await WorkspaceRig.open();
    const layers = [await rig.layer([], BOOTABLE_TREE)];
    const folder = temporaryFolder();
    const disk = join(folder, 'disk.raw');
    partitionedDisk(disk);
    const programs = join(folder, 'programs');
    mkdirSync(programs);
    const link = 'ln -s /usr/bin/* /usr/sbin/* "$0" 2>/dev/null || :; rm "$0/tar"';
    execFileSync('sh', ['-ec', link, programs]);
    const { workspace } = rig;
    const spawn = workspace.spawn.bind(workspace);
    Object.assign(workspace, {
      spawn: (command: HostCommand) => spawn({ ...command, env: { ...command.env, PATH: programs } }),
    });
    for (const kind of kinds.filter(({ tools }) => tools?.includes('tar'))) {
      const wanted = Object.entries({ tag: 'tiny', provider: 'libvirt' });
      const options = Object.fromEntries(wanted.filter(([name]) => name in kind.schema.shape));
      const result = await runExporter(kind, options, join(folder, kind.type), { layers, disk, workspace });
      expect(result, kind.type).toMatchObject({
        ok: false,
        failures: [{ reason: 'tool-missing', message: 'tar is not installed' }],
      });
    }
  });

  test('that is made of a disk names the program that the disk lacks', async () => {
    rmSync(project.path('cache/disks'), { recursive: true });
    const said = await failures(without(DISK_TOOLS));
    expect([...said.keys()].toSorted()).toEqual(['data-disk', 'disk', 'iso']);
    for (const name of DISK_TOOLS)
      expect(said.get('disk')).toContain(`tool-missing: ${name} is not installed`);
    expect(said.get('data-disk')).toContain('tool-missing: mke2fs is not installed');
    expect(said.get('iso')).toMatch(/tool-missing: (grub-mkimage|mkfs\.fat|mcopy) is not installed/);
    expect(digests()).toEqual(whole);
  });

  test('says that the disk is full, and leaves nothing', async () => {
    outputOn('size=64k,nr_inodes=1000');
    mkdirSync(output());
    writeFileSync(project.path('output/filler'), Buffer.alloc(65536));
    const said = await failures();
    for (const { type } of kinds)
      expect(said.get(type) ?? 'no failure', type).toMatch(/^disk-full: no space left to write /);
    expect(readdirSync(output())).toEqual([]);
  });

  test('that fills the disk half-way leaves whole files only', async () => {
    outputOn('size=500k,nr_inodes=1000');
    const said = await failures();
    for (const { type } of kinds) expect(said.get(type) ?? 'disk-full', type).toMatch(/^disk-full/);
    expect([...said.keys()]).toEqual(expect.arrayContaining(['qcow2', 'ova', 'squashfs', 'iso', 'uki']));
    expect(readdirSync(output()).filter((name) => name.includes('.tmp-'))).toEqual([]);
    const left = kinds.filter(({ type }) => existsSync(join(output(), files.get(type) ?? '')));
    expect(left.map(({ type }) => type)).toEqual(
      kinds.map(({ type }) => type).filter((type) => !said.has(type)),
    );
    expect(whole).toMatchObject(digests());
  });
});
