import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import type { ActiveLayer, Workspace } from '../../layers/workspace.ts';
import { runTool, type ToolContext } from '../run-tool.ts';
import { installBootLoader } from './boot-loader.ts';
import { normalizeExt4 } from './ext4-normalize.ts';
import { SECTOR } from './gpt.ts';
import { readKernelArguments } from './kernel-arguments.ts';
import { rootVolume, volumesOf } from './layout.ts';
import { encodeVolumeGroup } from './lvm-area.ts';
import { makeFileSystems } from './make-file-systems.ts';
import { encodeTable } from './mbr.ts';
import { patchScript, patchErrors } from './patch.ts';
import type { DiskPlan } from './plan-disk.ts';
import { tooLarge } from './too-large.ts';
import { copySparse } from '../sparse-copy.ts';

export interface DiskBuildContext extends ToolContext {
  readonly workspace: Workspace;
  /** The file to write; must not exist. The caller renames it when it is whole and deletes it when it is not. */
  readonly outputPath: string;
  /** Private folder for small files, deleted by the caller. */
  readonly scratch: string;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
}

/**
 * Makes the base part of a disk: partition table, boot loader and file systems without the delta's files.
 * Its bytes are a function of `plan.baseKey`. Uses no loop device, and no mount outside the workspace.
 * @returns `image-too-large`, `disk-full`, `disk-failed`, `aborted`
 */
export async function buildDiskBase(plan: DiskPlan, context: DiskBuildContext): Promise<Result<void>> {
  return await capture(async () => {
    const { layout, request } = plan;
    context.log(
      `disk of ${layout.size / 2 ** 20} MiB: kernel ${plan.kernel.version}, ` +
        `${plan.baseLayers.length} layers in the base, ${plan.deltaLayers.length} patched in`,
    );
    await using disk = await open(context.outputPath, 'wx+');
    await disk.truncate(layout.size);
    for (const { offset, bytes } of encodeTable(layout.table))
      await disk.write(bytes, 0, bytes.length, offset);
    if (layout.volumeGroup !== undefined) {
      const { offset, bytes } = encodeVolumeGroup(layout.volumeGroup, request.sourceDateEpoch);
      await disk.write(bytes, 0, bytes.length, offset);
    }
    const imageArguments = await readKernelArguments(context.workspace, request.layers);
    const installLoader = (): Promise<void> =>
      installBootLoader(plan, context.outputPath, disk, imageArguments, context);
    // What the image has for the ESP is copied into it beside the loader.
    if (layout.espMount !== undefined) await installLoader();
    await settleBoth(
      layout.espMount === undefined ? installLoader() : Promise.resolve(),
      makeFileSystems(plan, disk, context),
    );
    for (const { fileSystem, partition } of volumesOf(layout)) {
      if (fileSystem === 'ext4') await normalizeExt4(disk, partition.start * SECTOR, request.sourceDateEpoch);
    }
  });
}

/**
 * Makes the finished disk from its base: copies it (sharing blocks where the file system can), writes the delta's
 * files into the root file system and normalises it. `makeDiskPatch` gives the same bytes without a copy.
 * @param context.basePath what `buildDiskBase` made for the same `plan.baseKey`; only read
 */
export async function buildDisk(
  plan: DiskPlan,
  context: DiskBuildContext & { readonly basePath: string },
): Promise<Result<void>> {
  return await capture(async () => {
    await copySparse(context, context.basePath, context.outputPath, 'disk-failed');
    await applyDelta(plan, context, context.outputPath);
    if (rootVolume(plan.layout).fileSystem !== 'ext4') return;
    await using disk = await open(context.outputPath, 'r+');
    await normalizeExt4(disk, plan.layout.root.start * SECTOR, plan.request.sourceDateEpoch);
  });
}

/**
 * Writes the delta's files into the root file system of a disk file with debugfs.
 * @throws FailureError `image-too-large`; `disk-failed` when debugfs says anything else
 */
export async function applyDelta(
  plan: DiskPlan,
  context: Omit<DiskBuildContext, 'outputPath'>,
  diskPath: string,
): Promise<void> {
  if (plan.delta.operations.length === 0) return;
  await withDelta(plan, context, (mount) => patch(plan, context, diskPath, mount));
}

async function withDelta(
  plan: DiskPlan,
  context: Pick<DiskBuildContext, 'workspace'>,
  body: (mountPoint: string | undefined) => Promise<void>,
): Promise<void> {
  if (plan.deltaLayers.length === 0) return await body(undefined);
  const mount: ActiveLayer = await context.workspace.mountView(plan.deltaLayers);
  try {
    await body(mount.mountPoint);
  } finally {
    await context.workspace.discard(mount);
  }
}

/** Runs the patch. debugfs ends with 0 whatever happened, so its messages decide. */
async function patch(
  plan: DiskPlan,
  context: Omit<DiskBuildContext, 'outputPath'>,
  diskPath: string,
  mountPoint: string | undefined,
): Promise<void> {
  const script = join(context.scratch, 'patch.debugfs');
  await using file = await open(script, 'w');
  await file.writeFile(patchScript(plan.delta.operations));
  const image = `${diskPath}?offset=${plan.layout.root.start * SECTOR}`;
  const { stderr } = await runTool(context, {
    argv: ['debugfs', '-w', '-f', script, image],
    env: { E2FSPROGS_FAKE_TIME: String(plan.request.sourceDateEpoch) },
    ...(mountPoint !== undefined && { cwd: mountPoint }),
    reason: 'disk-failed',
  });
  const errors = patchErrors(stderr);
  if (errors.length === 0) return;
  if (errors.some((line) => /Could not allocate|No free space|no space/i.test(line))) {
    throw new FailureError({ ...tooLarge(plan.layout.size), excerpt: errors.slice(-10) });
  }
  const message = 'the last files could not be written into the disk image';
  throw new FailureError({ reason: 'disk-failed', message, excerpt: errors.slice(-10) });
}

/** Waits for both, so that nothing still writes when the caller deletes the files; then the first failure counts. */
async function settleBoth(first: Promise<void>, second: Promise<void>): Promise<void> {
  const results = await Promise.allSettled([first, second]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
