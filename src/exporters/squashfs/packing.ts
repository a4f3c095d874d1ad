import type { Pipeline } from '../../model/pipeline.ts';
import type { TreePacking } from '../packed-tree.ts';

export interface SquashfsForm {
  readonly compression: 'zstd' | 'xz' | 'gzip' | 'lz4';
  readonly blockSize: number;
  readonly level?: number | undefined;
}

/** mksquashfs's own default for zstd, 15, takes many times as long for a little less. */
const DEFAULT_LEVELS = { zstd: 6, gzip: 9 } as const;

/** How mksquashfs is called for the file system of an image. */
export function squashfsPacking(
  { sourceDateEpoch }: Pipeline,
  { compression, blockSize, level }: SquashfsForm,
): TreePacking {
  const effort =
    compression === 'zstd' || compression === 'gzip'
      ? ['-Xcompression-level', String(level ?? DEFAULT_LEVELS[compression])]
      : [];
  const method = ['-comp', compression, ...effort, '-b', String(blockSize), '-xattrs'];
  // Files are sorted and blocks written in order, whatever the number of processors; only this time is the clock's.
  const time = ['-mkfs-time', String(sourceDateEpoch)];
  const quiet = ['-noappend', '-no-progress', '-quiet'];
  return {
    version: ['mksquashfs', '-version'],
    recipe: [...method, ...time],
    argv: (tree, file) => ['mksquashfs', tree, file, ...method, ...time, ...quiet],
  };
}
