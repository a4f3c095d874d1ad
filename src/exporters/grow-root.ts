import type { DiskSpec } from '../model/pipeline.ts';

/** Whether the image takes the free space of a larger disk at boot; systemd-repart does it for GPT disks only. */
export function growsRoot({ growRoot, table }: Pick<DiskSpec, 'growRoot' | 'table'>): boolean {
  return table === 'mbr' ? false : (growRoot ?? true);
}
