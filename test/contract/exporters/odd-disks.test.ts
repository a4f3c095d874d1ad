import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { qcow2Exporter } from '../../../src/exporters/qcow2.ts';
import { vdiExporter } from '../../../src/exporters/vdi.ts';
import { vhdExporter } from '../../../src/exporters/vhd.ts';
import { vhdxExporter } from '../../../src/exporters/vhdx.ts';
import { vmdkExporter } from '../../../src/exporters/vmdk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const SECTOR = 512;
const MIB = 2 ** 20;
const TIB = 2 ** 40;
/** Sectors that are compared of disks which are too large to be compared whole. */
const PIECE = 200;

const FORMATS: readonly (readonly [qemu: string, kind: ExporterKind, options: object])[] = [
  ['qcow2', qcow2Exporter, {}],
  ['qcow2', qcow2Exporter, { compression: 'zstd' }],
  ['vmdk', vmdkExporter, {}],
  ['vmdk', vmdkExporter, { adapter: 'ide', subformat: 'streamOptimized' }],
  ['vdi', vdiExporter, {}],
  ['vdi', vdiExporter, { allocation: 'fixed' }],
  ['vhdx', vhdxExporter, {}],
  ['vhdx', vhdxExporter, { allocation: 'fixed' }],
  ['vpc', vhdExporter, {}],
  ['vpc', vhdExporter, { allocation: 'fixed' }],
];

interface Piece {
  /** Where it begins, in sectors; beyond the disk's end it is left out. */
  readonly at: number;
  readonly sectors: number;
  readonly fill: 'zeros' | 'text' | 'noise';
}

/** Writes a disk of so many bytes, sparse but for the pieces. */
function writeDisk(path: string, size: number, pieces: readonly Piece[]): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  for (const { at, sectors, fill } of pieces) {
    const length = Math.min(sectors * SECTOR, size - at * SECTOR);
    if (length <= 0) continue;
    const bytes =
      fill === 'noise' ? randomBytes(length) : Buffer.alloc(length, fill === 'text' ? 'text ' : 0);
    writeSync(file, bytes, 0, length, at * SECTOR);
  }
  closeSync(file);
}

/** A few sectors of a disk, as QEMU reads them. */
function sectorsOf(path: string, format: string, start: number): Buffer {
  const piece = `${path}.piece`;
  const range = `driver=raw,offset=${start * SECTOR},size=${PIECE * SECTOR}`;
  const from = `${range},file.driver=${format},file.file.driver=file,file.file.filename=${path}`;
  execFileSync('qemu-img', ['convert', '--image-opts', '-O', 'raw', from, piece]);
  const bytes = readFileSync(piece);
  rmSync(piece);
  return bytes;
}

/**
 * Exports the disk to all these formats; QEMU has to find each whole, of the same size and with the same bytes.
 * @param places sectors where it is compared, for disks that take QEMU too long; default: everywhere
 */
async function expectAll(
  disk: string,
  { formats = FORMATS, places = [] }: { formats?: typeof FORMATS; places?: readonly number[] } = {},
): Promise<void> {
  const { size } = statSync(disk);
  for (const [qemu, kind, options] of formats) {
    const path = `${disk}.${qemu}`;
    const named = `${kind.type} ${JSON.stringify(options)} of ${size} bytes`;
    expect(await runExporter(kind, options, path, { disk }), named).toMatchObject({ ok: true });
    const info = execFileSync('qemu-img', ['info', '--output=json', '-f', qemu, path], { encoding: 'utf8' });
    // The unit of a stream-optimized VMDK is its grain.
    const unit = 'subformat' in options ? 65536 : SECTOR;
    expect(JSON.parse(info), named).toMatchObject({ 'virtual-size': Math.ceil(size / unit) * unit });
    if (qemu !== 'vpc') execFileSync('qemu-img', ['check', '-q', '-f', qemu, path], { stdio: 'pipe' });
    if (places.length === 0)
      execFileSync('qemu-img', ['compare', '-q', '-f', qemu, '-F', 'raw', path, disk], { stdio: 'pipe' });
    for (const place of places)
      expect(sectorsOf(path, qemu, place), named).toEqual(sectorsOf(disk, 'raw', place));
    rmSync(path);
  }
}

const WITHOUT_VHD = FORMATS.filter(([qemu]) => qemu !== 'vpc');

describe('disks of odd sizes', () => {
  it.each<[string, number, Piece[]]>([
    ['1 MiB of zeros', MIB, []],
    ['1 MiB of noise', MIB, [{ at: 0, sectors: 2048, fill: 'noise' }]],
    ['9 MiB, data in the last sector only', 9 * MIB, [{ at: 9 * 2048 - 1, sectors: 1, fill: 'text' }]],
  ])('%s', async (_, size, pieces) => {
    const disk = join(temporaryFolder(), 'disk');
    writeDisk(disk, size, pieces);
    await expectAll(disk);
  });

  it('of any number of sectors, with any data', { timeout: 60_000 }, async () => {
    const largest = 24 * 2048;
    const piece = fc.record({
      at: fc.nat(largest),
      sectors: fc.integer({ min: 1, max: 3000 }),
      fill: fc.constantFrom('zeros' as const, 'text' as const, 'noise' as const),
    });
    const folder = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: largest }),
        fc.array(piece, { maxLength: 8 }),
        async (sectors, pieces) => {
          const disk = join(mkdtempSync(join(folder, 'x-')), 'disk');
          writeDisk(disk, sectors * SECTOR, pieces);
          await expectAll(disk, sectors % 2048 === 0 ? {} : { formats: WITHOUT_VHD });
        },
      ),
      { numRuns: 5 },
    );
  });

  it('of 3 TiB, with data at both ends and on both sides of 2 TiB', { timeout: 60_000 }, async () => {
    const disk = join(temporaryFolder(), 'disk');
    const edge = (2 * TIB) / SECTOR;
    const last = (3 * TIB) / SECTOR - PIECE;
    const pieces = [0, edge - 100, last].map((at) => ({ at, sectors: PIECE, fill: 'noise' }) as const);
    writeDisk(disk, 3 * TIB, pieces);
    const sparse = WITHOUT_VHD.filter(([, , options]) => !('allocation' in options));
    await expectAll(disk, { formats: sparse, places: [0, edge - 100, edge + 2 ** 20, last] });
    expect(await runExporter(vhdExporter, {}, `${disk}.vhd`, { disk })).toMatchObject({
      ok: false,
      failures: [{ reason: 'export-failed', message: expect.stringContaining('2040 GiB') as string }],
    });
  });

  it('of 2040 GiB, the largest VHD', { timeout: 60_000 }, async () => {
    const disk = join(temporaryFolder(), 'disk');
    const size = 2040 * 2 ** 30;
    writeDisk(disk, size, [{ at: size / SECTOR - 7, sectors: 7, fill: 'noise' }]);
    await expectAll(disk, { formats: [['vpc', vhdExporter, {}]] });
  });
});
