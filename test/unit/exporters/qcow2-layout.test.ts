import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutQcow2 } from '../../../src/exporters/qcow2/layout.ts';
import { mergeRanges } from '../../../src/util/byte-ranges.ts';

const KIB = 1024;
const MIB = KIB * KIB;

/** Reads the tables as the format's text says: where each guest cluster lies, and each host cluster's references. */
function readBack(metadata: Buffer, fileSize: number) {
  const number = (at: number): number => Number(metadata.readBigUInt64BE(at) & 0x00ff_ffff_ffff_fe00n);
  const clusterSize = 2 ** metadata.readUInt32BE(20);
  const header = {
    magic: metadata.toString('latin1', 0, 4),
    version: metadata.readUInt32BE(4),
    clusterSize,
    size: Number(metadata.readBigUInt64BE(24)),
    l1Size: metadata.readUInt32BE(36),
  };
  const l1At = number(40);
  const tableAt = number(48);
  const tableClusters = metadata.readUInt32BE(56);
  const uses = new Map<number, number>();
  const use = (at: number): void => void uses.set(at / clusterSize, (uses.get(at / clusterSize) ?? 0) + 1);
  use(0);
  for (let cluster = 0; cluster < tableClusters; cluster += 1) use(tableAt + cluster * clusterSize);
  for (let at = 0; at < header.l1Size * 8; at += clusterSize) use(l1At + at);
  const refcounts: number[] = [];
  for (let at = tableAt; at < tableAt + tableClusters * clusterSize; at += 8) {
    const block = number(at);
    if (block === 0) continue;
    use(block);
    for (let entry = 0; entry < clusterSize; entry += 2) refcounts.push(metadata.readUInt16BE(block + entry));
  }
  const places = new Map<number, number>();
  const inL2 = clusterSize / 8;
  for (let index = 0; index < header.l1Size; index += 1) {
    const l2 = number(l1At + index * 8);
    if (l2 === 0) continue;
    use(l2);
    for (let entry = 0; entry < inL2; entry += 1) {
      const place = number(l2 + entry * 8);
      if (place === 0) continue;
      use(place);
      places.set(index * inL2 + entry, place);
    }
  }
  const clusters = fileSize / clusterSize;
  return {
    header,
    places,
    uses,
    refcounts: refcounts.slice(0, clusters),
    spare: refcounts.slice(clusters),
    clusters,
  };
}

describe('layoutQcow2', () => {
  it('maps each data cluster to its own place in the disk order, and counts every cluster of the file once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(512, 4096, 65536, 2 * MIB),
        fc.constantFrom(2 as const, 3 as const),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(511),
        fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 400 })), { maxLength: 8 }),
        (clusterSize, version, count, odd, wanted) => {
          const diskSize = count * clusterSize - odd;
          const data = mergeRanges(
            wanted.map(([start, length]) => ({
              start: Math.min(start, count) * clusterSize,
              end: Math.min(start + length, count) * clusterSize,
            })),
          );
          const layout = layoutQcow2(diskSize, data, { version, clusterSize });
          if (layout === undefined) throw new Error('does not fit');
          const { header, places, uses, refcounts, spare, clusters } = readBack(layout.metadata, layout.size);
          const l1Size = Math.ceil(diskSize / ((clusterSize * clusterSize) / 8));
          expect(header).toEqual({ magic: 'QFI\xfb', version, clusterSize, size: diskSize, l1Size });
          let next = layout.metadata.length;
          const expected = new Map<number, number>();
          for (const { start, end } of data) {
            for (let at = start; at < end; at += clusterSize, next += clusterSize)
              expected.set(at / clusterSize, next);
          }
          expect(places).toEqual(expected);
          expect(next).toBe(layout.size);
          expect(uses).toEqual(new Map(Array.from({ length: clusters }, (_, cluster) => [cluster, 1])));
          expect(refcounts).toEqual(Array.from({ length: clusters }, () => 1));
          expect(spare.every((value) => value === 0)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    // The last cluster that one refcount block can count is the block's own table's neighbour: one more needs another.
    [512, 256 * 512],
    [512, 300 * 512],
    [4096, 2048 * 4096],
  ])(
    'counts its own tables where they grow the file past a boundary (clusters of %i)',
    (clusterSize, bytes) => {
      for (let less = 0; less < 16; less += 1) {
        const end = bytes - less * clusterSize;
        const layout = layoutQcow2(bytes, [{ start: 0, end }], { version: 3, clusterSize });
        if (layout === undefined) throw new Error('does not fit');
        expect(new Set(readBack(layout.metadata, layout.size).refcounts)).toEqual(new Set([1]));
      }
    },
  );

  it('writes places beyond 4 GiB', () => {
    const data = [{ start: 0, end: 5 * 2 ** 30 }];
    const layout = layoutQcow2(8 * 2 ** 30, data, { version: 3, clusterSize: 65536 });
    if (layout === undefined) throw new Error('does not fit');
    const { places } = readBack(layout.metadata, layout.size);
    expect(places.get(5 * 2 ** 14 - 1)).toBe(layout.size - 65536);
  });

  it('refuses disks for which QEMU would not take the tables', () => {
    expect(layoutQcow2(2 ** 40, [], { version: 3, clusterSize: 512 })).toBeUndefined();
    expect(layoutQcow2(2 ** 40, [], { version: 3, clusterSize: 65536 })?.size).toBe(4 * 65536);
  });
});
