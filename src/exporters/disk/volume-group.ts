import { mapperPath } from '../../model/logical-volumes.ts';
import type { VolumeGroupSpec } from '../../model/pipeline.ts';
import { roundDown, roundUp } from './file-system-size.ts';
import { SECTOR, type Partition } from './gpt.ts';
import { derivedLvmId } from './guid.ts';
import { LVM_DATA_START } from './lvm-area.ts';

/** Size of an extent, as lvm2 has it by default; logical volumes are made of whole ones. */
const EXTENT = 4 * 2 ** 20;
const EXTENT_SECTORS = EXTENT / SECTOR;

/** A volume group with one physical volume. Places in sectors of the disk. */
export interface VolumeGroup {
  readonly name: string;
  readonly id: string;
  /** The physical volume, the last partition of the disk, and its identifier in LVM. */
  readonly partition: Partition;
  readonly physicalId: string;
  /** Where the first extent lies. */
  readonly dataStart: number;
  readonly extentSectors: number;
  readonly extents: number;
  /** Sectors that no volume is to take. */
  readonly keptSectors: number;
  /** One after another from the first extent on; each is found by its `device`. */
  readonly volumes: readonly Partition[];
}

/** Lays out a volume group from its beginning on; the partition is as large as the disk then allows. */
export class GroupPlan {
  readonly #seed: string;
  readonly #spec: VolumeGroupSpec;
  readonly #start: number;
  readonly #volumes: Partition[] = [];
  /** First free sector. */
  #next: number;

  /** @param start first sector of the physical volume */
  constructor(seed: string, spec: VolumeGroupSpec, start: number) {
    this.#seed = seed;
    this.#spec = spec;
    this.#start = start;
    this.#next = start + LVM_DATA_START / SECTOR;
  }

  /** Bytes of the group that no volume is to take. */
  get #free(): number {
    return roundUp(this.#spec.free ?? 0, EXTENT);
  }

  /** Byte of the disk where the group ends when its last volume has so many bytes. */
  endWith(bytes: number): number {
    return this.#next * SECTOR + roundUp(bytes, EXTENT) + this.#free;
  }

  /** The next volume. */
  place(name: string, bytes: number): Partition {
    const { group } = this.#spec;
    const volume = {
      name,
      type: '',
      uuid: derivedLvmId(this.#seed, `lvm/volume/${name}`),
      start: this.#next,
      sectors: roundUp(bytes, EXTENT) / SECTOR,
      device: mapperPath(group, name),
    };
    this.#next += volume.sectors;
    this.#volumes.push(volume);
    return volume;
  }

  /**
   * The last volume, which takes what is left.
   * @param end sector behind the physical volume
   */
  placeLast(name: string, end: number): Partition {
    const left = roundDown((end - this.#next) * SECTOR - this.#free, EXTENT);
    return this.place(name, Math.max(0, left));
  }

  /** @param partition the physical volume, from `start` on */
  finish(partition: Partition): VolumeGroup {
    const dataStart = this.#start + LVM_DATA_START / SECTOR;
    const data = partition.sectors - LVM_DATA_START / SECTOR;
    return {
      name: this.#spec.group,
      id: derivedLvmId(this.#seed, 'lvm/group'),
      partition,
      physicalId: derivedLvmId(this.#seed, 'lvm/physical'),
      dataStart,
      extentSectors: EXTENT_SECTORS,
      extents: Math.max(0, Math.floor(data / EXTENT_SECTORS)),
      keptSectors: this.#free / SECTOR,
      volumes: this.#volumes,
    };
  }
}
