import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { findVolumes } from '../../exporters/disk/find-volumes.ts';
import { SECTOR } from '../../exporters/disk/gpt.ts';
import { runTool } from '../../exporters/run-tool.ts';
import { INVENTORY_FILES } from '../../layers/sbom/collect.ts';
import type { PostContext } from '../post-processor.ts';

const infoSchema = z.object({ format: z.string() });

/**
 * Copies files of a disk image's system into a new folder, without mounting it: debugfs reads ext2, ext3 and ext4.
 * @param withFiles all files, instead of those that say what is installed
 * @returns the folder; undefined when there is no such system
 * @throws FailureError `post-failed`, `tool-missing`, `disk-full`
 */
export async function takeDiskFiles(
  image: string,
  context: PostContext,
  withFiles: boolean,
): Promise<string | undefined> {
  const raw = await asRaw(image, context);
  const [lists, whole] = ['lists', 'system'].map((name) => join(context.scratch, name)) as [string, string];
  for (const path of INVENTORY_FILES) await mkdir(join(lists, dirname(path)), { recursive: true });
  await mkdir(whole);
  for (const offset of await volumesOf(raw)) {
    const debugfs = async (request: string, cwd: string): Promise<string> => {
      const argv = ['debugfs', '-R', request, `${raw}?offset=${offset}`] as const;
      return (await runTool(context, { argv, cwd, reason: 'post-failed' })).stderr;
    };
    if (!(await isReadable(() => debugfs('stat /', lists)))) continue;
    for (const path of INVENTORY_FILES) {
      // What is not there is told, and is no error. Of a link it gives no content, so the file comes first.
      if (!isRelease(path) || !hasRelease(lists)) await debugfs(`dump ${path} .${path}`, lists);
    }
    if (!hasRelease(lists)) continue;
    if (!withFiles) return lists;
    if (/No space left on device/.test(await debugfs('rdump / .', whole))) {
      throw new FailureError({
        reason: 'disk-full',
        message: 'no space left to read the files of the image',
        hint: 'Free space where the cache lies, or leave the files out with `files: false`.',
      });
    }
    return whole;
  }
  return undefined;
}

const isRelease = (path: string): boolean => path.endsWith('/os-release');

/** Whether a folder has what every system has. */
function hasRelease(folder: string): boolean {
  return INVENTORY_FILES.some((path) => isRelease(path) && existsSync(join(folder, path)));
}

/** Whether debugfs could open the file system. */
async function isReadable(open: () => Promise<string>): Promise<boolean> {
  try {
    await open();
    return true;
  } catch (error) {
    if (error instanceof FailureError && error.failures[0]?.reason === 'post-failed') return false;
    throw error;
  }
}

/** The disk as a raw file: itself, or a sparse copy. */
async function asRaw(image: string, context: PostContext): Promise<string> {
  const info = ['qemu-img', 'info', '--output=json', image] as const;
  const { stdout } = await runTool(context, { argv: info, reason: 'post-failed' });
  const { format } = infoSchema.parse(JSON.parse(stdout));
  if (format === 'raw') return image;
  const raw = join(context.scratch, 'disk.raw');
  const argv = ['qemu-img', 'convert', '-f', format, '-O', 'raw', image, raw] as const;
  await runTool(context, { argv, reason: 'post-failed' });
  return raw;
}

/** Where the disk's file systems may begin, in bytes, the largest first: on partitions and logical volumes, or on the whole disk. */
async function volumesOf(raw: string): Promise<number[]> {
  await using file = await open(raw, 'r');
  const volumes = (await findVolumes(file)) ?? [{ start: 0, sectors: 0 }];
  return volumes.toSorted((a, b) => b.sectors - a.sectors).map(({ start }) => start * SECTOR);
}
