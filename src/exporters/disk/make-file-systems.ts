import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import type { ActiveLayer } from '../../layers/workspace.ts';
import { runTool } from '../run-tool.ts';
import type { DiskBuildContext } from './build-disk.ts';
import { fillEsp } from './fill-esp.ts';
import { FSTAB, fstabText } from './fstab.ts';
import { rootVolume, volumesOf } from './layout.ts';
import { makeFileSystem } from './make-file-system.ts';
import { needsFstab } from './mount-points.ts';
import type { DiskPlan } from './plan-disk.ts';
import { writeSwap } from './swap.ts';
import { setTopFolder } from './top-folder.ts';

/**
 * Fills the partitions of the disk file with file systems that hold the base layers but the masked paths: each those
 * files that lie below its mount point and below no other.
 */
export async function makeFileSystems(
  plan: DiskPlan,
  disk: FileHandle,
  context: DiskBuildContext,
): Promise<void> {
  const { workspace } = context;
  const { layout, request } = plan;
  const isDivided = needsFstab(request.spec);
  const isChanged = isDivided || plan.delta.maskPaths.length > 0;
  const tree = await (isChanged ? workspace.activate(plan.baseLayers) : workspace.mountView(plan.baseLayers));
  const stopReporting = reportProgress(plan, context);
  try {
    if (layout.swap !== undefined) await writeSwap(disk, layout.swap.partition, layout.swap.uuid);
    if (plan.delta.maskPaths.length > 0) await maskOut(plan, context, tree);
    if (!isDivided) {
      await makeFileSystem(plan, rootVolume(layout), tree.mountPoint, context);
      return;
    }
    await prepareTree(plan, tree, context);
    if (layout.espMount !== undefined) {
      await fillEsp(plan, `${tree.mountPoint}${layout.espMount}`, context);
      await emptyFolder(tree, layout.espMount, context);
    }
    for (const volume of volumesOf(layout)) {
      const folder = volume.mount === '/' ? tree.mountPoint : `${tree.mountPoint}${volume.mount}`;
      await makeFileSystem(plan, volume, folder, context);
      // That of the root is patched with the delta.
      if (volume.mount === '/') continue;
      if (volume.fileSystem === 'ext4') await setTopFolder(plan, volume, folder, context);
      await emptyFolder(tree, volume.mount, context);
    }
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

/** Makes the mount points that the image does not have, and tells the image of its partitions. */
async function prepareTree(plan: DiskPlan, tree: ActiveLayer, context: DiskBuildContext): Promise<void> {
  const { layout, request } = plan;
  const mounts = (layout.volumes ?? []).map(({ mount }) => mount);
  if (layout.espMount !== undefined) mounts.push(layout.espMount);
  // Made from the outside in; a folder whose content changed here has the newest time an image may have.
  const script = [
    'epoch=$1; shift',
    'for path do',
    '  folder=.; rest=${path#/}',
    '  while [ -n "$rest" ]; do',
    '    name=${rest%%/*}; case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac',
    '    if ! [ -d "$folder/$name" ]; then',
    '      mkdir -m 0755 -- "$folder/$name"; touch -d "@$epoch" -- "$folder/$name" "$folder"',
    '    fi',
    '    folder=$folder/$name',
    '  done',
    'done',
  ].join('\n');
  const epoch = String(request.sourceDateEpoch);
  const cwd = tree.mountPoint;
  const { workspace } = context;
  await runTool(context, { argv: ['sh', '-ec', script, 'sh', epoch, ...mounts], cwd, reason: 'disk-failed' });
  const before = (await workspace.readActive(tree, FSTAB)) ?? '';
  const content = fstabText(before, layout);
  await workspace.writeActive(tree, { path: FSTAB, content, mode: 0o644, uid: 0, gid: 0 });
  const touch = ['touch', '-d', `@${epoch}`, '--', `.${FSTAB}`, './etc'] as const;
  await runTool(context, { argv: touch, cwd, reason: 'disk-failed' });
}

/** Deletes all that a folder holds, and leaves its own time as it was. */
async function emptyFolder(tree: ActiveLayer, path: string, context: DiskBuildContext): Promise<void> {
  const script = 'time=$(stat -c %Y -- "$1"); find "$1" -mindepth 1 -delete; touch -d "@$time" -- "$1"';
  const argv = ['sh', '-ec', script, 'sh', `.${path}`] as const;
  await runTool(context, { argv, cwd: tree.mountPoint, reason: 'disk-failed' });
}

/** The tools say nothing while they copy; the disk file's blocks tell how far it is. */
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
