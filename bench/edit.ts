import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peakMemory, report, timeInTurn, timeOnce } from './measure.ts';
import { copyProject, layersOf, ROOT } from './project.ts';

/** One line of a page changed, to a new bootable qcow2; beside mke2fs and qemu-img on the same finished tree. */
export async function run(): Promise<string> {
  using project = copyProject();
  const build = {
    name: 'imgpipe build, one line changed',
    argv: [...project.imgpipe, 'build', 'debian-web', '-only=debian-web/qcow2'],
    cwd: project.directory,
    before: project.editPage,
  };
  await timeOnce(build);
  const work = mkdtempSync(join(tmpdir(), 'imgpipe-floor-'));
  const tree = join(work, 'tree');
  mkdirSync(tree);
  const lowers = layersOf(project)
    .toReversed()
    .map((layer) => join(layer, 'tree'));
  execFileSync('mount', [
    '-t',
    'overlay',
    '-o',
    `ro,userxattr,lowerdir=${lowers.join(':')}`,
    'overlay',
    tree,
  ]);
  try {
    const floor = {
      name: 'mke2fs -d and qemu-img convert',
      argv: [join(ROOT, 'bench', 'floor.sh'), 'disk', work, tree],
    };
    const timings = await timeInTurn([build, floor], 7);
    const memory = await peakMemory(build);
    return `${report('One line changed', timings)}\n  peak memory of the build and all its programs: ${memory.toFixed(0)} MiB`;
  } finally {
    execFileSync('umount', [tree]);
    rmSync(work, { recursive: true, force: true });
  }
}
