import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ImageReader, readBlocks } from '../../../src/exporters/disk-image.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

/** More than is read at a time, some times over. */
const SIZE = 5 * 2 ** 20;

test('blocks of any ranges are those of the disk, for as long as they are held', async () => {
  const basePath = join(temporaryFolder(), 'base');
  const disk = randomBytes(SIZE);
  writeFileSync(basePath, disk);
  await using reader = await ImageReader.open({
    size: SIZE,
    basePath,
    baseData: [{ start: 0, end: SIZE }],
    patch: [],
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(4096, 65536, 2 ** 20),
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.nat(SIZE / 4096), { maxLength: 30 }),
      async (blockSize, holding, cuts) => {
        const places = [...new Set(cuts.map((cut) => Math.floor((cut * 4096) / blockSize) * blockSize))];
        const bounds = places.toSorted((a, b) => a - b);
        const ranges = bounds.flatMap((start, index) => {
          const end = bounds[index + 1];
          return index % 2 === 0 && end !== undefined ? [{ start, end }] : [];
        });
        const seen: number[] = [];
        const held: { at: number; bytes: Buffer }[] = [];
        const release = (): void => {
          const first = held.shift();
          if (first === undefined) return;
          expect(
            disk.compare(first.bytes, 0, blockSize, first.at, first.at + blockSize),
            `at ${first.at}`,
          ).toBe(0);
          seen.push(first.at);
        };
        for await (const block of readBlocks(reader, ranges, blockSize, holding)) {
          held.push(block);
          if (held.length === holding) release();
        }
        while (held.length > 0) release();
        const wanted = ranges.flatMap(({ start, end }) =>
          Array.from({ length: (end - start) / blockSize }, (_, index) => start + index * blockSize),
        );
        expect(seen).toEqual(wanted);
      },
    ),
    { numRuns: 60 },
  );
});
