import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { runTool } from '../run-tool.ts';
import { SECTOR } from './gpt.ts';
import type { Volume, VolumeRequest } from './layout.ts';
import { patchErrors, patchScript } from './patch.ts';
import type { VolumeContext } from './volume-context.ts';

/**
 * Gives the top folder of a new ext4 file system the attributes of the folder that it was filled from: mke2fs before
 * 1.47.1 does not copy them, later ones do.
 */
export async function setTopFolder(
  { request }: VolumeRequest,
  volume: Volume,
  folder: string,
  context: VolumeContext,
): Promise<void> {
  const stat = ['stat', '-c', '%f %u %g %Y', '.'] as const;
  const { stdout } = await runTool(context, { argv: stat, cwd: folder, reason: 'disk-failed' });
  const [mode = '', uid, gid, mtime] = stdout.trim().split(' ');
  const script = join(context.scratch, `${volume.partition.uuid}.debugfs`);
  const attributes = {
    mode: Number.parseInt(mode, 16),
    uid: Number(uid),
    gid: Number(gid),
    mtime: Number(mtime),
  };
  await writeFile(script, patchScript([{ type: 'set-attributes', path: '/', ...attributes }]));
  const target = `${context.outputPath}?offset=${volume.partition.start * SECTOR}`;
  const { stderr } = await runTool(context, {
    argv: ['debugfs', '-w', '-f', script, target],
    env: { E2FSPROGS_FAKE_TIME: String(request.sourceDateEpoch) },
    reason: 'disk-failed',
  });
  const excerpt = patchErrors(stderr);
  if (excerpt.length === 0) return;
  const message = `the top folder of ${volume.mount} could not be set in the disk image`;
  throw new FailureError({ reason: 'disk-failed', message, excerpt });
}
