import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bmapExporter } from '../../../src/exporters/bmap.ts';
import { gceExporter } from '../../../src/exporters/gce.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { vdiExporter } from '../../../src/exporters/vdi.ts';
import { vhdExporter } from '../../../src/exporters/vhd.ts';
import { vhdxExporter } from '../../../src/exporters/vhdx.ts';
import { vmdkExporter } from '../../../src/exporters/vmdk.ts';
import { sha256 } from '../../rigs/disk.ts';
import { partitionedDisk, runExporter, sumOfOutput } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

let folder = '';
let disk = '';
let other = '';
let sum = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imgpipe-test-'));
  disk = join(folder, 'disk.raw');
  partitionedDisk(disk);
  sum = sha256(disk);
  other = join(folder, 'other.raw');
  execFileSync('cp', [disk, other]);
  return () => rmSync(folder, { recursive: true, force: true });
});

async function exported(kind: ExporterKind, options: object, from = disk, name = 'out'): Promise<string> {
  const path = join(temporaryFolder(), name);
  expect(await runExporter(kind, options, path, { disk: from })).toMatchObject({ ok: true });
  return path;
}

const qemuInfo = (path: string, format: string): unknown =>
  JSON.parse(execFileSync('qemu-img', ['info', '--output=json', '-f', format, path], { encoding: 'utf8' }));

describe('conversions of the disk', () => {
  it.each([
    ['vmdk', 'vmdk', vmdkExporter, {}],
    ['vmdk', 'vmdk', vmdkExporter, { subformat: 'streamOptimized' }],
    ['vpc', 'vhd', vhdExporter, {}],
    ['vpc', 'vhd', vhdExporter, { allocation: 'fixed' }],
    ['vhdx', 'vhdx', vhdxExporter, {}],
    ['vhdx', 'vhdx', vhdxExporter, { allocation: 'fixed' }],
    ['vdi', 'vdi', vdiExporter, {}],
    ['vdi', 'vdi', vdiExporter, { allocation: 'fixed' }],
  ] as const)('$0 $3 reads back with qemu-img and 7-Zip', async (format, type, kind, options) => {
    const path = await exported(kind, options);
    expect(qemuInfo(path, format)).toMatchObject({ format, 'virtual-size': 96 * MIB });
    // qemu-img checks the structure of these two.
    if (format === 'vhdx' || format === 'vdi') execFileSync('qemu-img', ['check', '-q', '-f', format, path]);
    const back = join(temporaryFolder(), 'back.raw');
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', path, back]);
    expect(sha256(back)).toBe(sum);
    expect(sumOfOutput('7zz x -so -t"$1" "$0"', path, type)).toBe(sum);
    expect(statSync(path).blocks * 512).toBeLessThan(24 * MIB);
  });

  it.each([
    ['vmdk', {}, vmdkExporter],
    ['vmdk', { subformat: 'streamOptimized' }, vmdkExporter],
    ['vhd', {}, vhdExporter],
    ['vhd', { allocation: 'fixed' }, vhdExporter],
    ['vhdx', {}, vhdxExporter],
    ['vdi', {}, vdiExporter],
    ['gce', {}, gceExporter],
  ] as const)('%s %j gives the same bytes again, and others to another disk', async (_, options, kind) => {
    const first = sha256(await exported(kind, options));
    // Creation times are in whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(sha256(await exported(kind, options, disk, 'under-another-name.tmp-17'))).toBe(first);
    if (kind.type !== 'gce') expect(sha256(await exported(kind, options, other))).not.toBe(first);
  });

  it('names the extent of a VMDK as the file will be called', async () => {
    const path = await exported(vmdkExporter, {});
    expect(readFileSync(path).toString('latin1', 512, 2048)).toContain('RW 196608 SPARSE "disk.vmdk"');
  });

  it('gives Azure a VHD of the exact size with a whole footer', async () => {
    const path = await exported(vhdExporter, { allocation: 'fixed' });
    expect(statSync(path).size).toBe(96 * MIB + 512);
    const footer = readFileSync(path).subarray(-512);
    expect(footer.toString('latin1', 0, 8)).toBe('conectix');
    expect(Number(footer.readBigUInt64BE(48)) % MIB).toBe(0);
    expect(footer.readUInt32BE(60)).toBe(2);
    const others = Buffer.from(footer).fill(0, 64, 68);
    expect(footer.readUInt32BE(64)).toBe(~others.reduce((total, byte) => total + byte, 0) >>> 0);
  });

  it('refuses a disk that a VHD cannot hold exactly', async () => {
    const odd = join(temporaryFolder(), 'odd.raw');
    execFileSync('truncate', ['-s', '1000000', odd]);
    const outcome = await runExporter(vhdExporter, {}, join(temporaryFolder(), 'out'), { disk: odd });
    expect(outcome).toMatchObject({ ok: false, failures: [{ reason: 'export-failed' }] });
  });

  it('gives bmaptool a map by which it writes and checks the disk, the same each time', async () => {
    const path = await exported(bmapExporter, {});
    execFileSync('xmllint', ['--noout', path]);
    const copy = join(temporaryFolder(), 'copy.raw');
    execFileSync('bmaptool', ['-q', 'copy', '--bmap', path, disk, copy], { stdio: 'pipe' });
    expect(sha256(copy)).toBe(sum);
    const mapped = /<MappedBlocksCount> (\d+) </.exec(readFileSync(path, 'utf8'))?.[1];
    expect(Number(mapped) * 4096).toBeLessThan(8 * MIB);
    expect(sha256(await exported(bmapExporter, {}))).toBe(sha256(path));
    const damaged = join(temporaryFolder(), 'damaged.raw');
    execFileSync('sh', [
      '-c',
      'cp "$0" "$1"; printf "not noise" | dd of="$1" bs=1 seek=1300000 conv=notrunc status=none',
      disk,
      damaged,
    ]);
    expect(() =>
      execFileSync('bmaptool', ['-q', 'copy', '--bmap', path, damaged, copy], { stdio: 'pipe' }),
    ).toThrow(/checksum mismatch/);
  });

  it('gives Compute Engine whole GiB: one sparse file in the old GNU format, its GPT whole', async () => {
    const path = await exported(gceExporter, {}, disk, 'out.tar.gz');
    const back = temporaryFolder();
    execFileSync('bsdtar', ['-xpf', path, '-C', back]);
    const raw = join(back, 'disk.raw');
    expect(statSync(raw)).toMatchObject({ size: GIB, uid: 0, mode: 0o100644 });
    expect(statSync(path).size).toBeLessThan(8 * MIB);
    const header = execFileSync('sh', ['-c', 'gzip -dc "$0" | head -c 512', path]);
    expect(header.toString('latin1', 156, 157)).toBe('S');
    expect(header.toString('latin1', 257, 265)).toBe('ustar  \0');
    const table = (file: string): string => execFileSync('sfdisk', ['-d', file], { encoding: 'utf8' });
    const partitions = (file: string): string[] =>
      table(file)
        .replaceAll(file, '')
        .split('\n')
        .filter((line) => /start=|label-id/.test(line));
    expect(execFileSync('sfdisk', ['--verify', raw], { encoding: 'utf8' })).toContain('No errors detected');
    expect(partitions(raw)).toEqual(partitions(disk));
    expect(sumOfOutput('head -c 440 "$0"', raw)).toBe(sumOfOutput('head -c 440 "$0"', disk));
    const content = 'dd if="$0" bs=1M skip=1 count=94 status=none';
    expect(sumOfOutput(content, raw)).toBe(sumOfOutput(content, disk));
  });

  it('gives Compute Engine whole GiB of a disk with an MBR as well', async () => {
    const mbr = join(temporaryFolder(), 'mbr.raw');
    const script = 'truncate -s 16M "$0"; printf "label: dos\\nsize=8MiB, type=83\\n" | sfdisk -q "$0"';
    execFileSync('sh', ['-ec', script, mbr]);
    const path = await exported(gceExporter, { level: 1 }, mbr, 'out.tar.gz');
    const back = temporaryFolder();
    execFileSync('bsdtar', ['-xpf', path, '-C', back]);
    const raw = join(back, 'disk.raw');
    expect(statSync(raw).size).toBe(GIB);
    expect(sumOfOutput('head -c 16M "$0"', raw)).toBe(sha256(mbr));
  });

  it.each([bmapExporter, vmdkExporter, vhdExporter, vhdxExporter, vdiExporter, gceExporter])(
    '$type stops when the run stops, and says what is wrong with the disk',
    async (kind) => {
      const path = join(temporaryFolder(), 'out');
      expect(await runExporter(kind, {}, path, { disk, signal: AbortSignal.abort() })).toMatchObject({
        ok: false,
        failures: [{ reason: 'aborted' }],
      });
      expect(await runExporter(kind, {}, path, { disk: temporaryFolder() })).toMatchObject({
        ok: false,
        failures: [{ reason: 'export-failed' }],
      });
    },
  );
});
