import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { runTool } from '../run-tool.ts';
import type { VolumeContext } from './volume-context.ts';
import { copyIntoDisk } from './copy-into-disk.ts';
import { XFS_LOG_MEBIBYTES } from './file-system-size.ts';
import { SECTOR } from './gpt.ts';
import type { Volume, VolumeRequest } from './layout.ts';
import { volumeTooSmall } from './too-large.ts';
import { setXfsAttributes, type XfsAttributes } from './xfs-attributes.ts';

/** Written out, so that no version's defaults decide; all known to GRUB 2.06 and Linux 5.10. */
const FEATURES = ['-m', 'crc=1,finobt=1,rmapbt=0,reflink=1,bigtime=1,inobtcount=1'];
const INODES = ['-i', 'size=512,sparse=1,nrext64=0'];

/**
 * Numbers of allocation groups, tried in turn. While it fills a file system mkfs.xfs never goes back to an earlier group
 * within one step, so it finds "No space left" with room to spare when a folder's own group is full; with groups of
 * another size the same tree fits. Of the same tree it is always the same number.
 */
const GROUPS = [4, 3, 5, 2];

interface TreeFile extends XfsAttributes {
  readonly path: string;
  readonly type: string;
  readonly target: string;
  /** Major and minor number of a device. */
  readonly device?: string;
}

/**
 * Fills a partition with an XFS file system that holds a folder's tree. mkfs.xfs takes the tree from a prototype file
 * (mkfs.xfs(8), "-p"), which knows neither times nor sticky bits, nor hard links: files with several names become
 * several files. As owner each file has its line's number there, by which its inode is found and given all that it lacks.
 */
export async function makeXfs(
  plan: VolumeRequest,
  volume: Volume,
  folder: string,
  context: VolumeContext,
): Promise<void> {
  const path = join(context.scratch, `${volume.partition.uuid}.xfs`);
  const prototype = `${path}.proto`;
  const files = await listTree(folder, context);
  await writeFile(prototype, prototypeText(files));
  const known = ['-L', volume.name, ...FEATURES, ...INODES, '-m', `uuid=${volume.uuid}`];
  const log = ['-l', `size=${XFS_LOG_MEBIBYTES}m`];
  for (const [attempt, groups] of GROUPS.entries()) {
    await writeFile(path, '');
    await truncate(path, volume.partition.sectors * SECTOR);
    const argv = ['mkfs.xfs', '-q', '-K', '-p', prototype, ...known, ...log, '-d', `agcount=${groups}`, path];
    try {
      await runTool(context, { argv: argv as [string, ...string[]], cwd: folder, reason: 'disk-failed' });
      break;
    } catch (error) {
      if (!isFull(error)) throw error;
      if (attempt === GROUPS.length - 1)
        throw new FailureError({ ...volumeTooSmall(plan.layout, volume), cause: error });
      await rm(path);
    }
  }
  {
    await using image = await open(path, 'r+');
    await setXfsAttributes(image, (number) => files[number - 1], plan.request.sourceDateEpoch);
  }
  await copyIntoDisk(path, volume.partition, context);
  await Promise.all([rm(path), rm(prototype)]);
}

function isFull(error: unknown): boolean {
  const [failure] = error instanceof FailureError ? error.failures : [];
  return (
    failure?.excerpt?.some((line) => /No space left|cannot reserve space|out of space/i.test(line)) ?? false
  );
}

/** The files of a tree, the root first, each folder before what it holds. */
async function listTree(folder: string, context: VolumeContext): Promise<TreeFile[]> {
  const argv = ['find', '.', '-printf', '%y %m %U %G %T@ %p\\0%l\\0'] as const;
  const { stdout } = await runTool(context, { argv, cwd: folder, reason: 'disk-failed' });
  const fields = stdout.split('\0');
  const devices = await listDevices(folder, context);
  const files: TreeFile[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [type = '', mode = '', uid, gid, time, path = ''] = (fields[index] ?? '').split(' ');
    files.push({
      path,
      type,
      target: fields[index + 1] ?? '',
      device: devices.get(path),
      mode: Number.parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      mtime: Math.floor(Number(time)),
    });
  }
  // Sorted by parts, so that what a folder holds follows it at once.
  const key = ({ path }: TreeFile): string => path.replaceAll('/', '\0');
  return files.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Numbers of device nodes by path; find cannot tell them. */
async function listDevices(folder: string, context: VolumeContext): Promise<ReadonlyMap<string, string>> {
  const stat = ['-exec', 'stat', '-c', '%t %T %n', '{}', '+'] as const;
  const argv = ['find', '.', '-type', 'c,b', ...stat] as const;
  const { stdout } = await runTool(context, { argv, cwd: folder, reason: 'disk-failed' });
  const numbers = stdout.split('\n').flatMap((line) => {
    const [major, minor, path] = line.split(' ');
    if (major === undefined || minor === undefined || path === undefined) return [];
    return [[path, `${Number.parseInt(major, 16)} ${Number.parseInt(minor, 16)}`] as const];
  });
  return new Map(numbers);
}

function prototypeText(files: readonly TreeFile[]): string {
  const lines = ['/', '0 0'];
  let depth = 0;
  for (const [index, { path, type, target, device }] of files.entries()) {
    const owner = `${index + 1} 0`;
    const parts = path.split('/');
    for (; depth > parts.length - 1; depth -= 1) lines.push('$');
    const name = parts.length === 1 ? '' : `${parts.at(-1)} `;
    switch (type) {
      case 'd':
        lines.push(`${name}d--755 ${owner}`);
        depth = parts.length;
        break;
      case 'l':
        lines.push(`${name}l--777 ${owner} ${target}`);
        break;
      case 'c':
      case 'b':
        lines.push(`${name}${type}--600 ${owner} ${device}`);
        break;
      case 'p':
        lines.push(`${name}p--644 ${owner}`);
        break;
      default:
        lines.push(`${name}---644 ${owner} ${path}`);
    }
  }
  for (; depth > 0; depth -= 1) lines.push('$');
  return `${lines.join('\n')}\n`;
}
