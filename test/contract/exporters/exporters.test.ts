import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { qcow2Exporter } from '../../../src/exporters/qcow2.ts';
import { rawExporter } from '../../../src/exporters/raw.ts';
import { sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const MIB = 2 ** 20;

const KINDS = { raw: rawExporter, qcow2: qcow2Exporter };

/** A sparse disk with data at odd places, as a file system leaves it. */
function sparseDisk(path: string): void {
  const script = [
    'truncate -s 96M "$0"',
    'head -c 5000000 /dev/urandom | dd of="$0" conv=notrunc bs=4096 seek=300 status=none',
    'head -c 70000 /dev/zero | tr "\\0" z | dd of="$0" conv=notrunc bs=4096 seek=9001 status=none',
    'head -c 200000 /dev/zero | dd of="$0" conv=notrunc bs=4096 seek=12000 status=none',
    'printf end | dd of="$0" conv=notrunc bs=1 seek=100663290 status=none',
  ].join('\n');
  execFileSync('sh', ['-ec', script, path]);
}

async function run(
  kind: ExporterKind,
  options: object,
  disk: string,
  outputPath: string,
  signal = new AbortController().signal,
): ReturnType<typeof runExporter> {
  return await runExporter(kind, options, outputPath, { disk, signal });
}

describe('exporters', () => {
  const READERS = {
    raw: 'cp "$0" "$1"',
    'raw.zst': 'zstd -qdc "$0" > "$1"',
    'raw.gz': 'gzip -dc "$0" > "$1"',
    'raw.xz': 'xz -dc "$0" > "$1"',
    qcow2: 'qemu-img check -q "$0" && qemu-img convert -f qcow2 -O raw "$0" "$1"',
  } as Readonly<Record<string, string>>;

  let disk = '';
  let sum = '';
  beforeAll(() => {
    disk = join(execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim(), 'disk.raw');
    sparseDisk(disk);
    sum = sha256(disk);
    return () => execFileSync('rm', ['-r', join(disk, '..')]);
  });

  it.each([
    ['raw', {}],
    ['raw', { compression: 'zstd' }],
    ['raw', { compression: 'gz', level: 1 }],
    ['raw', { compression: 'xz', level: 0 }],
    ['qcow2', {}],
    ['qcow2', { compression: 'zlib', version: '0.10' }],
    ['qcow2', { compression: 'zstd' }],
    ['qcow2', { clusterSize: 2 * MIB }],
  ] as const)(
    '%s writes %j so that other tools read the disk back, and the same bytes twice',
    async (type, options) => {
      const kind = KINDS[type];
      const folder = temporaryFolder();
      const extension = kind.extension(kind.schema.parse(options));
      const first = join(folder, `a.${extension}`);
      const second = join(folder, `b.${extension}`);
      expect(await run(kind, options, disk, first)).toMatchObject({ ok: true });
      expect(await run(kind, options, disk, second)).toMatchObject({ ok: true });
      expect(sha256(second)).toBe(sha256(first));
      execFileSync('sh', ['-ec', READERS[extension] ?? 'exit 9', first, join(folder, 'back.raw')]);
      expect(sha256(join(folder, 'back.raw'))).toBe(sum);
      expect(sha256(disk)).toBe(sum);
      expect(statSync(first).blocks * 512).toBeLessThan(24 * MIB);
    },
  );

  it('gives the qcow2 the format asked for', async () => {
    const path = join(temporaryFolder(), 'x.qcow2');
    await run(qcow2Exporter, { version: '0.10', clusterSize: 65536 }, disk, path);
    const info: unknown = JSON.parse(
      execFileSync('qemu-img', ['info', '--output=json', path], { encoding: 'utf8' }),
    );
    expect(info).toMatchObject({
      format: 'qcow2',
      'cluster-size': 65536,
      'virtual-size': 96 * MIB,
      'format-specific': { data: { compat: '0.10' } },
    });
  });

  it.each(Object.values(KINDS))('$type says that the disk cannot be read', async (kind) => {
    const folder = temporaryFolder();
    const outcome = await run(kind, {}, folder, join(folder, 'out'));
    expect(outcome).toMatchObject({
      ok: false,
      failures: [{ reason: 'export-failed', excerpt: [expect.any(String)] }],
    });
  });

  it.each(Object.values(KINDS))('$type says that the disk is full', async (kind) => {
    // /dev/full answers every write with ENOSPC.
    const options = kind === rawExporter ? { compression: 'gz' } : {};
    const stub = join(temporaryFolder(), 'out');
    execFileSync('ln', ['-s', '/dev/full', stub]);
    const outcome = await run(kind, options, disk, stub);
    expect(outcome).toMatchObject({
      ok: false,
      failures: [{ reason: expect.stringMatching(/disk-full|export-failed/) as string }],
    });
  });

  it.each(Object.values(KINDS))('$type stops when the run stops', async (kind) => {
    const outcome = await run(kind, {}, disk, join(temporaryFolder(), 'out'), AbortSignal.abort());
    expect(outcome).toMatchObject({ ok: false, failures: [{ reason: 'aborted' }] });
  });

  it.each(Object.values(KINDS))('$type takes its good examples and refuses its bad ones', (kind) => {
    for (const { options } of kind.examples.good) expect(kind.schema.safeParse(options).success).toBe(true);
    for (const { options, error } of kind.examples.bad) {
      const issues = kind.schema.safeParse(options).error?.issues ?? [];
      expect(issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')).toContain(error);
    }
  });
});
