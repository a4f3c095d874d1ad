import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { runTool } from '../run-tool.ts';
import type { VolumeContext } from './volume-context.ts';
import { SECTOR } from './gpt.ts';
import { RESERVED_PERCENT } from './file-system-size.ts';
import type { Volume, VolumeRequest } from './layout.ts';
import { volumeTooSmall } from './too-large.ts';

/** Features of the file systems, written out so that no host's mke2fs.conf decides. All known to GRUB 2.02 and Linux 4. */
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

/** Fills a partition of the disk file with an ext4 file system that holds a folder's tree. */
export async function makeExt4(
  plan: VolumeRequest,
  volume: Volume,
  folder: string,
  context: VolumeContext,
): Promise<void> {
  const { layout, request } = plan;
  const { partition } = volume;
  const config = join(context.scratch, 'mke2fs.conf');
  await writeFile(config, CONFIG);
  const extended = [
    `offset=${partition.start * SECTOR}`,
    `hash_seed=${volume.uuid}`,
    'lazy_itable_init=1',
    'lazy_journal_init=1',
    'nodiscard',
    'root_owner=0:0',
  ].join(',');
  const sizes = ['-b', '4096', '-I', '256', '-N', String(volume.inodes), '-m', String(RESERVED_PERCENT)];
  const identity = ['-L', volume.name, '-U', volume.uuid];
  const journal = ['-J', `size=${volume.journalMebibytes}`];
  const flags = ['-q', '-F', '-t', 'ext4', '-O', FEATURES, ...sizes, ...journal, ...identity, '-E', extended];
  const target = ['-d', folder, context.outputPath, `${(partition.sectors * SECTOR) / 1024}k`];
  try {
    await runTool(context, {
      argv: ['mke2fs', ...flags, ...target],
      env: { E2FSPROGS_FAKE_TIME: String(request.sourceDateEpoch), MKE2FS_CONFIG: config },
      reason: 'disk-failed',
    });
  } catch (error) {
    throw isTooLarge(error) ? new FailureError({ ...volumeTooSmall(layout, volume), cause: error }) : error;
  }
}

function isTooLarge(error: unknown): boolean {
  const excerpt = error instanceof FailureError ? (error.failures[0]?.excerpt ?? []) : [];
  return excerpt.some((line) => /Could not allocate (block|inode)|too small|Filesystem too/i.test(line));
}
