import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import type { FileSystemType } from '../../model/pipeline.ts';
import { FIT_STEP, fitFileSystem, roundDown, roundUp } from '../disk/file-system-size.ts';
import { BACKUP_SECTORS, PARTITION_TYPES, SECTOR, type PartitionTable } from '../disk/gpt.ts';
import { derivedUuid } from '../disk/guid.ts';
import { fileSystemFacts, type Volume } from '../disk/layout.ts';
import type { MergedTree } from '../disk/merged-tree.ts';
import { checkDivision, treeSizes } from '../disk/mount-points.ts';
import { volumeTooSmall } from '../disk/too-large.ts';

const MIB = 2 ** 20;
const ALIGNED_SECTORS = MIB / SECTOR;

export interface DataDiskRequest {
  readonly size: number | 'fit';
  readonly free: number;
  readonly fileSystem: FileSystemType;
  readonly label: string;
  /** Folder of the image whose files it holds. */
  readonly from?: string;
  /** What its identifiers are derived from, with the label. */
  readonly seed: string;
}

/** A GPT disk with one partition. */
export interface DataDisk {
  readonly size: number;
  readonly table: PartitionTable;
  readonly volume: Volume;
}

/**
 * Lays out a data disk. Pure.
 * @returns `image-too-large`; `disk-failed` when there is no such folder or the file system cannot hold its files
 */
export function planDataDisk(tree: MergedTree, request: DataDiskRequest): Result<DataDisk> {
  const { from, fileSystem, label } = request;
  const mounts = from === undefined ? [] : [{ mount: from, fileSystem, size: 'fit', free: 0 } as const];
  const failures = checkDivision(tree, { partitions: mounts });
  if (failures.length > 0) return fail(...failures);
  if (from !== undefined && !tree.has(from)) {
    return fail({ reason: 'disk-failed', message: `the image has no folder ${from} for the data disk` });
  }
  const files = treeSizes(tree, { partitions: mounts }).get(from ?? '') ?? { bytes: 0, entries: 0 };
  const size =
    request.size === 'fit'
      ? roundUp(2 * MIB + fitFileSystem(fileSystem, files, request.free), FIT_STEP)
      : roundDown(request.size, MIB);
  const uuid = (name: string): string => derivedUuid(request.seed, `data-disk/${label}/${name}`);
  const diskSectors = size / SECTOR;
  const sectors = Math.max(0, roundDown(diskSectors - BACKUP_SECTORS, ALIGNED_SECTORS) - ALIGNED_SECTORS);
  const type = PARTITION_TYPES.linux;
  const partition = { name: label, type, uuid: uuid('partition'), start: ALIGNED_SECTORS, sectors };
  const facts = fileSystemFacts(uuid('file-system'), partition, files);
  const volume: Volume = { name: label, mount: '/', fileSystem, partition, ...facts };
  const needed = fitFileSystem(fileSystem, files, 0);
  if (sectors * SECTOR < needed) return fail(dataTooLarge(size, volume, needed));
  return ok({ size, table: { diskUuid: uuid('disk'), diskSectors, partitions: [partition] }, volume });
}

function dataTooLarge(size: number, volume: Volume, needed: number) {
  return {
    ...volumeTooSmall({ size }, volume, needed),
    hint: 'give the option `size` of the data disk a larger value, or "fit"',
  };
}
