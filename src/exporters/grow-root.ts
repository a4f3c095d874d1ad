import type { DiskSpec } from '../model/pipeline.ts';

/**
 * Whether the image takes the free space of a larger disk at boot; systemd-repart does it for partitions of a GPT only,
 * not for logical volumes.
 */
export function growsRoot({ growRoot, table, lvm }: Pick<DiskSpec, 'growRoot' | 'table' | 'lvm'>): boolean {
  return table === 'mbr' || lvm !== undefined ? false : (growRoot ?? true);
}
