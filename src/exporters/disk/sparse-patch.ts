import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { PatchRun } from '../../cache/disk-patch.ts';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import { mergeRanges, type ByteRange } from '../../util/byte-ranges.ts';
import { IMAGE_BLOCK } from '../disk-image.ts';
import { applyDelta, type DiskBuildContext } from './build-disk.ts';
import { folderBlocks, type FileSystemView } from './ext4-folders.ts';
import { readAt, readGeometry, readGroups } from './ext4-geometry.ts';
import { metadataRanges, newlyUsed } from './ext4-metadata.ts';
import { normalizeExt4 } from './ext4-normalize.ts';
import { SECTOR } from './gpt.ts';
import { rootVolume } from './layout.ts';
import { foldersAbove } from './merged-tree.ts';
import type { DiskPlan } from './plan-disk.ts';

/**
 * What `buildDisk` would change in the base, found without copying it: the patch runs on a sparse file that holds only
 * what it reads (metadata of the file system, the folders on the patched paths), and what differs afterwards is kept.
 * Everything the patch reads carries a checksum, so reading a block that is not there is an error, not a wrong disk.
 * @returns undefined when the base cannot be patched this way: copy it then
 */
export async function makeDiskPatch(
  plan: DiskPlan,
  context: Omit<DiskBuildContext, 'outputPath'> & { readonly basePath: string },
): Promise<Result<readonly PatchRun[] | undefined>> {
  return await capture(async () => {
    // Nothing is patched into other file systems: base and disk are the same.
    if (rootVolume(plan.layout).fileSystem !== 'ext4') return [];
    const offset = plan.layout.root.start * SECTOR;
    await using base = await open(context.basePath, 'r');
    const before = await viewFileSystem(base, offset);
    const folders = await folderBlocks(before, patchedFolders(plan));
    if (folders === undefined || before.geometry.blockSize !== IMAGE_BLOCK) return undefined;
    const read = mergeRanges([...metadataRanges(before), ...folders]);
    const path = join(context.scratch, 'sparse-disk.raw');
    await using scratch = await open(path, 'wx+');
    await scratch.truncate(plan.layout.size);
    for (const { start, end } of read)
      await scratch.write(await readAt(base, start, end - start), 0, end - start, start);
    try {
      await applyDelta(plan, context, path);
    } catch (error) {
      if (!(error instanceof FailureError) || error.failures[0]?.reason !== 'disk-failed') throw error;
      context.log(`the disk is patched in a copy of its base: ${error.failures[0].excerpt?.[0] ?? ''}`);
      return undefined;
    }
    await normalizeExt4(scratch, offset, plan.request.sourceDateEpoch);
    const after = await viewFileSystem(scratch, offset);
    const written = [...read, ...metadataRanges(after), ...(await newlyUsed(before, after))];
    return await differences(base, scratch, mergeRanges(written));
  });
}

async function viewFileSystem(disk: FileHandle, offset: number): Promise<FileSystemView> {
  const geometry = readGeometry(await readAt(disk, offset + 1024, 1024));
  return { disk, offset, geometry, groups: await readGroups(disk, offset, geometry) };
}

/** Folders in which debugfs looks names up. */
function patchedFolders(plan: DiskPlan): Set<string> {
  return new Set(['/', ...plan.delta.operations.flatMap(({ path }) => [...foldersAbove(path)])]);
}

/** The blocks within the ranges in which `changed` is not as `base`, adjacent ones as one run. */
async function differences(
  base: FileHandle,
  changed: FileHandle,
  ranges: readonly ByteRange[],
): Promise<PatchRun[]> {
  const runs: PatchRun[] = [];
  for (const { start, end } of ranges) {
    const old = await readAt(base, start, end - start);
    const bytes = await readAt(changed, start, end - start);
    let from: number | undefined;
    for (let at = 0; at <= bytes.length; at += IMAGE_BLOCK) {
      const next = at + IMAGE_BLOCK;
      const differs = at < bytes.length && bytes.compare(old, at, next, at, next) !== 0;
      if (differs) from ??= at;
      else if (from !== undefined) {
        runs.push({ offset: start + from, bytes: bytes.subarray(from, at) });
        from = undefined;
      }
    }
  }
  return runs;
}
