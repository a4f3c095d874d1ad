import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import type { ActiveLayer } from '../../layers/workspace.ts';
import { runTool } from '../run-tool.ts';
import type { DiskBuildContext } from './build-disk.ts';
import { SECTOR } from './gpt.ts';
import { RESERVED_PERCENT } from './layout.ts';
import { tooLarge, type DiskPlan } from './plan-disk.ts';

/** Features of the root file system, written out so that no host's mke2fs.conf decides. All known to GRUB 2.02 and Linux 4. */
const FEATURES = [
  'none',
  'has_journal',
  'ext_attr',
  'resize_inode',
  'dir_index',
  'filetype',
  'extent',
  '64bit',
  'flex_bg',
  'sparse_super',
  'large_file',
  'huge_file',
  'dir_nlink',
  'extra_isize',
  'metadata_csum',
].join(',');

/** Names mke2fs wants to find in its configuration, so that it does not warn. */
const CONFIG = `[fs_types]\n${['ext4', 'floppy', 'small', 'default', 'big', 'huge'].map((name) => `${name} = {\n}\n`).join('')}`;

/** Fills the root partition of the disk file with an ext4 file system that holds the base layers but the masked paths. */
export async function makeRootFileSystem(plan: DiskPlan, context: DiskBuildContext): Promise<void> {
  const { workspace } = context;
  const { maskPaths } = plan.delta;
  const tree = await (maskPaths.length > 0
    ? workspace.activate(plan.baseLayers)
    : workspace.mountView(plan.baseLayers));
  const stopReporting = reportProgress(plan, context);
  try {
    if (maskPaths.length > 0) await maskOut(plan, context, tree);
    await makeExt4(plan, context, tree);
  } finally {
    stopReporting();
    await workspace.discard(tree);
  }
}

/** Deletes what the delta provides, so that no byte of an old file stays in the image's free blocks. */
async function maskOut(plan: DiskPlan, context: DiskBuildContext, tree: ActiveLayer): Promise<void> {
  const { maskPaths, maskedFolders } = plan.delta;
  const relative = (path: string): string => `.${path}`;
  const cwd = tree.mountPoint;
  await runTool(context, {
    argv: ['rm', '-rf', '--', ...maskPaths.map(relative)],
    cwd,
    reason: 'disk-failed',
  });
  for (const [mtime, folders] of Map.groupBy(maskedFolders, (folder) => folder.mtime)) {
    const paths = folders.map((folder) => relative(folder.path));
    await runTool(context, {
      argv: ['touch', '-d', `@${mtime}`, '--', ...paths],
      cwd,
      reason: 'disk-failed',
    });
  }
}

async function makeExt4(plan: DiskPlan, context: DiskBuildContext, tree: ActiveLayer): Promise<void> {
  const { layout, request } = plan;
  const config = join(context.scratch, 'mke2fs.conf');
  await writeFile(config, CONFIG);
  const extended = [
    `offset=${layout.root.start * SECTOR}`,
    `hash_seed=${layout.rootUuid}`,
    'lazy_itable_init=1',
    'lazy_journal_init=1',
    'nodiscard',
    'root_owner=0:0',
  ].join(',');
  const sizes = ['-b', '4096', '-I', '256', '-N', String(layout.inodes), '-m', String(RESERVED_PERCENT)];
  const identity = ['-L', 'root', '-U', layout.rootUuid];
  const journal = ['-J', `size=${layout.journalMebibytes}`];
  const flags = ['-q', '-F', '-t', 'ext4', '-O', FEATURES, ...sizes, ...journal, ...identity, '-E', extended];
  const target = ['-d', tree.mountPoint, context.outputPath, `${(layout.root.sectors * SECTOR) / 1024}k`];
  try {
    await runTool(context, {
      argv: ['mke2fs', ...flags, ...target],
      env: { E2FSPROGS_FAKE_TIME: String(request.sourceDateEpoch), MKE2FS_CONFIG: config },
      reason: 'disk-failed',
    });
  } catch (error) {
    throw isTooLarge(error) ? new FailureError({ ...tooLarge(layout.size), cause: error }) : error;
  }
}

function isTooLarge(error: unknown): boolean {
  const excerpt = error instanceof FailureError ? (error.failures[0]?.excerpt ?? []) : [];
  return excerpt.some((line) => /Could not allocate (block|inode)|too small|Filesystem too/i.test(line));
}

/** mke2fs says nothing while it copies; the disk file's blocks tell how far it is. */
function reportProgress(plan: DiskPlan, context: DiskBuildContext): () => void {
  const total = plan.baseLayers.reduce((sum, layer) => sum + layer.size, 0);
  const timer = setInterval(() => {
    stat(context.outputPath).then(
      ({ blocks }) => context.progress(Math.min(blocks * 512, total), total, 'bytes'),
      () => undefined,
    );
  }, 250);
  timer.unref();
  return () => clearInterval(timer);
}
