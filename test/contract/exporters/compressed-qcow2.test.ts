import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { qcow2Exporter } from '../../../src/exporters/qcow2.ts';
import { sha256 } from '../../rigs/disk.ts';
import { diskImage, partitionedDisk, runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const qemu = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });

interface Info {
  readonly 'cluster-size': number;
  readonly 'format-specific': { readonly data: Record<string, unknown> };
}

/** Exports a disk and has QEMU judge the file; gives its path. */
async function exported(disk: string, options: object): Promise<string> {
  const path = join(temporaryFolder(), 'disk.qcow2');
  expect(await runExporter(qcow2Exporter, options, path, { disk })).toEqual({ ok: true });
  expect(qemu('check', path)).toContain('No errors were found');
  qemu('compare', '-f', 'qcow2', '-F', 'raw', path, disk);
  return path;
}

describe('compressed qcow2', () => {
  it.each<[object, Record<string, unknown>]>([
    [{ compression: 'zlib' }, { compat: '1.1', 'compression-type': 'zlib' }],
    [{ compression: 'zstd' }, { compat: '1.1', 'compression-type': 'zstd' }],
    [{ compression: 'zlib', version: '0.10' }, { compat: '0.10' }],
    [{ compression: 'zstd', clusterSize: 2 ** 21 }, { compat: '1.1' }],
  ])('%j: QEMU finds no error and the same disk', async (options, data) => {
    const disk = join(temporaryFolder(), 'disk.raw');
    partitionedDisk(disk);
    const path = await exported(disk, options);
    const info = JSON.parse(qemu('info', '--output=json', path)) as Info;
    expect(info['format-specific'].data).toMatchObject(data);
    const map = JSON.parse(qemu('map', '--output=json', path)) as { data: boolean; compressed?: boolean }[];
    expect(map.some(({ data: isData }) => isData)).toBe(true);
    expect(sha256(await exported(disk, options))).toBe(sha256(path));
  });

  it('any disk, in clusters of any size', { timeout: 60_000 }, async () => {
    const block = fc.constantFrom('zeros' as const, 'text' as const, 'noise' as const);
    const disks = fc.record({
      blocks: fc.array(block, { minLength: 1, maxLength: 60 }),
      clusterBits: fc.integer({ min: 9, max: 17 }),
      tail: fc.integer({ min: 0, max: 7 }),
      compression: fc.constantFrom('zlib' as const, 'zstd' as const),
    });
    const content = {
      zeros: (): Buffer => Buffer.alloc(4096),
      text: (): Buffer => Buffer.alloc(4096, 'text '),
      noise: (): Buffer => randomBytes(4096),
    };
    await fc.assert(
      fc.asyncProperty(disks, async ({ blocks, clusterBits, tail, compression }) => {
        const disk = join(temporaryFolder(), 'disk.raw');
        writeFileSync(
          disk,
          Buffer.concat([...blocks.map((name) => content[name]()), Buffer.alloc(tail * 512, 'x')]),
        );
        await exported(disk, { compression, clusterSize: 2 ** clusterBits });
      }),
      { numRuns: 25 },
    );
  });

  it('a patch over the base is what the file holds', async () => {
    const folder = temporaryFolder();
    const disk = join(folder, 'disk.raw');
    partitionedDisk(disk);
    const bytes = Buffer.alloc(8192, 'patched');
    const image = { ...(await diskImage(disk)), patch: [{ offset: 40 * 2 ** 20, bytes }] };
    const path = join(folder, 'disk.qcow2');
    const result = await runExporter(qcow2Exporter, { compression: 'zstd' }, path, { image });
    expect(result).toEqual({ ok: true });
    const whole = readFileSync(disk);
    bytes.copy(whole, 40 * 2 ** 20);
    writeFileSync(join(folder, 'patched.raw'), whole);
    qemu('compare', '-f', 'qcow2', '-F', 'raw', path, join(folder, 'patched.raw'));
  });

  it('stops when the run does', async () => {
    const disk = join(temporaryFolder(), 'disk.raw');
    partitionedDisk(disk);
    const path = join(temporaryFolder(), 'disk.qcow2');
    const options = { disk, signal: AbortSignal.abort() };
    expect(await runExporter(qcow2Exporter, { compression: 'zlib' }, path, options)).toMatchObject({
      ok: false,
      failures: [{ reason: 'aborted' }],
    });
  });

  it('clusters too small for the disk are refused', async () => {
    const disk = join(temporaryFolder(), 'disk.raw');
    execFileSync('truncate', ['-s', '600G', disk]);
    const image = { size: 600 * 2 ** 30, basePath: disk, baseData: [], patch: [] };
    const options = { compression: 'zlib', clusterSize: 512 };
    expect(await runExporter(qcow2Exporter, options, join(temporaryFolder(), 'x'), { image })).toMatchObject({
      ok: false,
      failures: [{ reason: 'export-failed' }],
    });
  });
});
