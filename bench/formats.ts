import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { median, processorTime, report, timeInTurn, timeOnce, type Command, type Timing } from './measure.ts';
import { copyProject } from './project.ts';

/** Formats of the sample, as YAML, by the names under which they are exported. */
const FORMATS: Readonly<Record<string, string>> = {
  raw: '{ type: raw }',
  'raw-zstd': '{ type: raw, name: raw-zstd, compression: zstd }',
  qcow2: '{ type: qcow2 }',
  'qcow2-zlib': '{ type: qcow2, name: qcow2-zlib, compression: zlib }',
  'qcow2-zstd': '{ type: qcow2, name: qcow2-zstd, compression: zstd }',
  bmap: '{ type: bmap }',
  vmdk: '{ type: vmdk }',
  'vmdk-stream': '{ type: vmdk, name: vmdk-stream, subformat: streamOptimized }',
  ova: '{ type: ova }',
  vmware: '{ type: vmware }',
  vdi: '{ type: vdi }',
  vhd: '{ type: vhd }',
  vhdx: '{ type: vhdx }',
  gce: '{ type: gce }',
  vagrant: '{ type: vagrant, provider: libvirt }',
  'rootfs-tar': '{ type: rootfs-tar }',
  wsl: '{ type: wsl }',
  directory: '{ type: directory }',
  squashfs: '{ type: squashfs }',
  erofs: '{ type: erofs }',
  oci: '{ type: oci }',
  'docker-archive': '{ type: docker-archive, tag: web }',
  'data-disk': '{ type: data-disk, from: /srv/www }',
  iso: '{ type: iso }',
  kernel: '{ type: kernel }',
  uki: '{ type: uki }',
};

/** The sample with what live media and unified kernel images need, and a page of its own, after all packages. */
const HEAD = `source: { type: pipeline, name: debian-web }
steps:
  - { type: package, install: [live-boot, live-boot-initramfs-tools, systemd-boot-efi] }
  - { type: file, name: note, path: /srv/www/note.html, source: note.html }
disk: { size: 2GB }
`;

/**
 * Every format alone and all in one run, from a finished disk; the two that compress blocks beside qemu-img; and all
 * again after a line of a page was changed.
 */
export async function run(): Promise<string> {
  using project = copyProject();
  const exports = Object.values(FORMATS).map((line) => `  - ${line}\n`);
  writeFileSync(join(project.directory, 'pipelines', 'formats.yaml'), `${HEAD}exports:\n${exports.join('')}`);
  const cwd = project.directory;
  let edits = 0;
  const editNote = (): void =>
    writeFileSync(join(cwd, 'pipelines', 'note.html'), `<p>Edition ${(edits += 1)}</p>\n`);
  editNote();
  /** What earlier exports have compressed: no export counts on it but those that are said to. */
  const forgetCompressed = (): void => {
    const mounts = join(cwd, 'cache', 'mounts');
    for (const name of readdirSync(mounts)) {
      if (/^(packed-|layer-blobs)/.test(name)) rmSync(join(mounts, name), { recursive: true });
    }
  };
  const imgpipe = (name: string, ...args: string[]): Command => ({
    name,
    argv: [...project.imgpipe, 'build', 'formats', '-force', ...args],
    cwd,
    before: forgetCompressed,
  });
  await timeOnce({ ...imgpipe('first'), before: () => undefined });

  const single: Timing[] = [];
  for (const name of Object.keys(FORMATS)) {
    single.push(...(await timeInTurn([imgpipe(name, `-only=formats/${name}`)], 2, 0)));
  }
  const all = (await timeInTurn([imgpipe('all')], 3, 0)).flatMap(({ seconds }) => seconds);
  // No order of work is quicker than all processors at work all the time.
  const floor = (await processorTime(imgpipe('all'))) / availableParallelism();
  // No run of all formats is quicker than its slowest one either.
  const slowest = single.toSorted((a, b) => median(b.seconds) - median(a.seconds))[0];
  const sum = single.reduce((total, { seconds }) => total + median(seconds), 0);
  const lines = [
    'All formats of the sample in one run, from a finished disk',
    ...single.map(({ name, seconds }) => `  ${name.padEnd(44)} ${median(seconds).toFixed(2).padStart(8)} s`),
    `  ${'one after the other'.padEnd(44)} ${sum.toFixed(2).padStart(8)} s`,
    `  ${'all in one run'.padEnd(44)} ${median(all).toFixed(2).padStart(8)} s`,
    `  ${`floor: processor time / ${availableParallelism()} processors`.padEnd(44)} ${floor.toFixed(2).padStart(8)} s`,
    `  ratio all / floor: ${(median(all) / floor).toFixed(2)}`,
    `  ratio floor / slowest alone: ${(floor / median(slowest?.seconds ?? [])).toFixed(2)}`,
    `  ratio all / slowest alone (${slowest?.name ?? ''}): ${(median(all) / median(slowest?.seconds ?? [])).toFixed(2)}`,
    `  ratio all / larger of the two: ${(median(all) / Math.max(floor, median(slowest?.seconds ?? []))).toFixed(2)}`,
    `  ratio all / one after the other: ${(median(all) / sum).toFixed(2)}`,
  ];

  const raw = join(cwd, 'output', 'formats', 'formats.raw');
  const convert = (name: string, ...flags: string[]): Command => ({
    name: `qemu-img convert, ${name}`,
    argv: ['qemu-img', 'convert', '-f', 'raw', ...flags, raw, join(cwd, 'peer')],
  });
  const peers: readonly (readonly [string, Command])[] = [
    ['vmdk-stream', convert('streamOptimized', '-O', 'vmdk', '-o', 'subformat=streamOptimized')],
    ['qcow2-zlib', convert('-c, zlib', '-c', '-O', 'qcow2')],
    ['qcow2-zstd', convert('-c, zstd', '-c', '-O', 'qcow2', '-o', 'compression_type=zstd')],
  ];
  for (const [name, peer] of peers) {
    const own = imgpipe(`imgpipe build, ${name}`, `-only=formats/${name}`);
    const again = { ...own, name: `${own.name}, again`, before: () => undefined };
    const title = `\nBeside qemu-img: ${name} (with checksum, manifest and start)`;
    lines.push(report(title, await timeInTurn([own, peer, again], 3, 0)));
  }

  const edited: Command = {
    name: 'one line changed, all formats',
    argv: [...project.imgpipe, 'build', 'formats'],
    cwd,
    before: editNote,
  };
  // All formats have their compressed blocks again.
  await timeOnce({ ...imgpipe('before the edit'), before: () => undefined });
  const again = (await timeInTurn([edited], 2, 0)).flatMap(({ seconds }) => seconds);
  lines.push(
    '',
    'After a one-line change, all formats',
    `  ${'imgpipe build'.padEnd(44)} ${median(again).toFixed(2).padStart(8)} s`,
    `  ratio to all formats made anew: ${(median(again) / median(all)).toFixed(2)}`,
  );
  return lines.join('\n');
}
