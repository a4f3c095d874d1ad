import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataOf, type DiskImage } from '../../../src/exporters/disk-image.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { qcow2Exporter } from '../../../src/exporters/qcow2.ts';
import { rawExporter } from '../../../src/exporters/raw.ts';
import { sha256 } from '../../rigs/disk.ts';
import { diskImage, runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const BLOCK = 4096;
const MIB = 2 ** 20;

/** A base of blocks with the given bytes, and blocks over it; and the bytes that base and patch give together. */
async function patchedImage(
  folder: string,
  size: number,
  base: readonly (readonly [block: number, byte: number])[],
  patch: ReadonlyMap<number, number>,
): Promise<{ image: DiskImage; whole: string }> {
  const blocks = Math.ceil(size / BLOCK);
  const bytes = Buffer.alloc(blocks * BLOCK);
  const write = (block: number, byte: number): unknown =>
    bytes.fill(byte, (block % blocks) * BLOCK, (block % blocks) * BLOCK + BLOCK);
  for (const [block, byte] of base) write(block, byte);
  const basePath = join(folder, 'base.raw');
  writeFileSync(basePath, bytes.subarray(0, size));
  const image = await diskImage(basePath);
  const inside = [...patch].filter(([block]) => (block + 1) * BLOCK <= size).toSorted(([a], [b]) => a - b);
  for (const [block, byte] of inside) write(block, byte);
  const whole = join(folder, 'whole.raw');
  writeFileSync(whole, bytes.subarray(0, size));
  const runs = inside.map(([block, byte]) => ({ offset: block * BLOCK, bytes: Buffer.alloc(BLOCK, byte) }));
  return { image: { ...image, patch: runs }, whole };
}

async function written(kind: ExporterKind, options: object, image: DiskImage, path: string): Promise<void> {
  const outcome = await runExporter(kind, options, path, { image });
  // The digest is worked out while writing: it has to be that of the file.
  expect(outcome).toEqual({ ok: true, value: { sha256: sha256(path) } });
}

describe('images written in one pass', () => {
  it('are the base with the patch over it, as qemu-img reads them, for odd sizes and all cluster sizes', async () => {
    const block = fc.nat(2000);
    const byte = fc.constantFrom(0, 0, 1, 255);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2000 }).map((blocks) => blocks * BLOCK),
        fc.constantFrom(0, 512, 3584),
        fc.array(fc.tuple(block, byte), { maxLength: 60 }),
        fc.array(fc.tuple(block, byte), { maxLength: 30 }),
        fc.constantFrom('0.10', '1.1'),
        fc.constantFrom(512, 4096, 65536, 2 * MIB),
        async (whole, odd, base, patch, version, clusterSize) => {
          const folder = mkdtempSync(join(temporaryFolder(), 'x-'));
          const disk = await patchedImage(folder, whole + odd, base, new Map(patch));
          expect(dataOf(disk.image)).toEqual((await diskImage(disk.whole)).baseData);
          const raw = join(folder, 'out.raw');
          await written(rawExporter, {}, disk.image, raw);
          expect(readFileSync(raw).equals(readFileSync(disk.whole))).toBe(true);
          const qcow2 = join(folder, 'out.qcow2');
          await written(qcow2Exporter, { version, clusterSize }, disk.image, qcow2);
          execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', qcow2]);
          execFileSync('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'raw', qcow2, disk.whole]);
          rmSync(folder, { recursive: true });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('do not tell how the disk lies in the store', async () => {
    const folder = temporaryFolder();
    const base = Array.from({ length: 900 }, (_, at) => [at * 2, 7] as const);
    const patch = new Map(Array.from({ length: 300 }, (_, at) => [at * 3, at % 2]));
    const { image, whole } = await patchedImage(folder, 8 * MIB, base, patch);
    for (const kind of [qcow2Exporter, rawExporter]) {
      await written(kind, {}, image, join(folder, 'patched'));
      await written(kind, {}, await diskImage(whole), join(folder, 'whole'));
      expect(sha256(join(folder, 'patched'))).toBe(sha256(join(folder, 'whole')));
    }
  });

  it.skipIf(!existsSync('/dev/shm'))('are the same where the file system has no direct writes', async () => {
    const folder = temporaryFolder();
    const { image } = await patchedImage(
      folder,
      20 * MIB + 512,
      [
        [0, 1],
        [3000, 2],
        [5120, 3],
      ],
      new Map([[7, 7]]),
    );
    const inMemory = mkdtempSync('/dev/shm/imgpipe-test-');
    try {
      for (const kind of [qcow2Exporter, rawExporter]) {
        await written(kind, {}, image, join(folder, 'out'));
        await written(kind, {}, image, join(inMemory, 'out'));
        expect(sha256(join(inMemory, 'out'))).toBe(sha256(join(folder, 'out')));
        expect(statSync(join(folder, 'out')).blocks * 512).toBeLessThan(2 * MIB);
      }
    } finally {
      rmSync(inMemory, { recursive: true });
    }
  });
});
