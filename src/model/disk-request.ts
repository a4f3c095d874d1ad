import type { View } from './layer.ts';
import type { DiskSpec } from './pipeline.ts';
import type { Architecture } from './platform.ts';

/**
 * What one raw disk is made from. The disk's bytes are a function of this record (and of the tools' versions) alone,
 * whether it is built from nothing or by patching a cached base.
 */
export interface DiskRequest {
  /** Layers in stacking order, bottom first, the seal last. */
  readonly layers: View;
  /**
   * Positions in `layers` of write-only layers that no other step sees, and of packages that a grown list adds. The disk
   * builder may leave them out of the base file system and patch them in, by a rule that looks only at the layers
   * themselves.
   */
  readonly deltaCandidates: readonly number[];
  readonly spec: Omit<DiskSpec, 'origin'>;
  readonly architecture: Architecture;
  readonly sourceDateEpoch: number;
  /** Seed of all identifiers (disk GUID, PARTUUIDs, file-system UUIDs): the pipeline's id. */
  readonly seed: string;
}
