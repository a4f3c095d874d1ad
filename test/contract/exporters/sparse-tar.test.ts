import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sparseMember } from '../../../src/exporters/formats/sparse-tar.ts';
import { gceExporter } from '../../../src/exporters/gce.ts';
import type { ByteRange } from '../../../src/util/byte-ranges.ts';
import { sha256 } from '../../rigs/disk.ts';
import { diskImage, partitionedDisk, runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const GIB = 2 ** 30;
const UNPACKERS = { tar: ['-xpf'], bsdtar: ['-xpf'] } as const;

/** Packs a file of `size` bytes with data in some places, and gives what each program takes out of the tar. */
function unpacked(size: number, data: readonly ByteRange[], content: (range: ByteRange) => Buffer): string[] {
  const folder = temporaryFolder();
  const archive = join(folder, 'archive.tar');
  const { before, after } = sparseMember({ name: 'file', size, data, mtime: 1_700_000_000 });
  writeFileSync(archive, Buffer.concat([before, ...data.map(content), after]));
  expect(statSync(archive).size % 512).toBe(0);
  return Object.entries(UNPACKERS).map(([program, flags]) => {
    const to = temporaryFolder();
    execFileSync(program, [...flags, archive, '-C', to]);
    return join(to, 'file');
  });
}

function readAt(path: string, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, length, at);
  closeSync(file);
  return bytes;
}

describe('sparse member of a tar', () => {
  it('comes out as it was, with as many holes as there are', { timeout: 60_000 }, () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 3 }), (holes, tail) => {
        let at = 0;
        const data = holes.map(([hole, length]) => {
          const start = at + hole * 512;
          at = start + length * 1536;
          return { start, end: at };
        });
        const size = at + tail * 4096;
        const whole = Buffer.alloc(size);
        for (const { start, end } of data) randomBytes(end - start).copy(whole, start);
        for (const path of unpacked(size, data, ({ start, end }) => whole.subarray(start, end))) {
          expect(statSync(path)).toMatchObject({ size, mode: 0o100644, mtimeMs: 1_700_000_000_000 });
          expect(readAt(path, 0, size).equals(whole)).toBe(true);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('can be of more than 8 GiB', () => {
    const data = [
      { start: 0, end: 4096 },
      { start: 9 * GIB, end: 9 * GIB + 4096 },
    ];
    for (const path of unpacked(11 * GIB, data, ({ start }) => Buffer.alloc(4096, start === 0 ? 'a' : 'b'))) {
      expect(statSync(path).size).toBe(11 * GIB);
      expect(readAt(path, 9 * GIB - 2, 4).toString('latin1')).toBe('\0\0bb');
      expect(readAt(path, 4094, 4).toString('latin1')).toBe('aa\0\0');
    }
  });
});

describe('disk for Compute Engine', () => {
  it('has the same bytes from a base with a patch as from the whole disk', async () => {
    const folder = temporaryFolder();
    const base = join(folder, 'base.raw');
    partitionedDisk(base);
    const image = await diskImage(base);
    // In the partition table, across data and a hole, and in the backup table at the end.
    const places = [0, 300 * 4096, 9000 * 4096, image.size - 8192];
    const patch = places.map((offset) => {
      const bytes = readAt(base, offset, 8192);
      if (offset > 0 && offset < image.size - 8192) randomBytes(8192).copy(bytes);
      return { offset, bytes };
    });
    const whole = join(folder, 'whole.raw');
    copyFileSync(base, whole);
    const file = openSync(whole, 'r+');
    for (const { offset, bytes } of patch) writeSync(file, bytes, 0, bytes.length, offset);
    closeSync(file);

    const sums: string[] = [];
    for (const from of [{ image: { ...image, patch } }, { image: await diskImage(whole) }]) {
      const to = join(temporaryFolder(), 'disk.tar.gz');
      expect(await runExporter(gceExporter, { level: 1 }, to, from)).toMatchObject({ ok: true });
      sums.push(sha256(to));
      const back = temporaryFolder();
      execFileSync('tar', ['-xzf', to, '-C', back]);
      expect(execFileSync('sfdisk', ['--verify', join(back, 'disk.raw')], { encoding: 'utf8' })).toContain(
        'No errors detected',
      );
    }
    expect(sums[0]).toBe(sums[1]);
  });
});
