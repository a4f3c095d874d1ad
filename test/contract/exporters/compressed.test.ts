import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeCompressed } from '../../../src/exporters/compressed/write-compressed.ts';
import { COMPRESSIONS } from '../../../src/exporters/compression.ts';
import { streamTool } from '../../../src/exporters/tool-stream.ts';
import { runHostCommand } from '../../../src/util/exec.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const { signal } = new AbortController();
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Text with some noise in it, different for each seed. */
function sample(length: number, seed: string): Buffer {
  const words = Array.from({ length: 4096 }, (_, index) =>
    createHash('sha256')
      .update(`${seed}${index}`)
      .digest(index % 3 === 0 ? 'hex' : 'base64'),
  );
  const text = Buffer.from(words.join(' '));
  return Buffer.concat(Array.from({ length: Math.ceil(length / text.length) }, () => text)).subarray(
    0,
    length,
  );
}

describe.each(['gz', 'zstd'] as const)('%s of all processors', (compression) => {
  const name = `file${COMPRESSIONS[compression].ending}`;
  const [lowest, highest] = COMPRESSIONS[compression].levels;
  const reader = compression === 'gz' ? 'gzip' : 'zstd';

  it('is read by its program, whatever comes', async () => {
    const to = join(temporaryFolder(), name);
    const pieces = fc.array(
      fc.record({ length: fc.integer({ min: 0, max: 1_600_000 }), isNoise: fc.boolean() }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: lowest, max: highest }), async (parts, level) => {
        const buffers = parts.map(({ length, isNoise }) =>
          isNoise ? randomBytes(length) : Buffer.alloc(length, 'text '),
        );
        const bytes = Buffer.concat(buffers);
        const written = await writeCompressed(buffers, { compression, level, to, signal });
        expect(written.sha256).toBe(sha256(to));
        expect(execFileSync(reader, ['-dc', to], { maxBuffer: 2 ** 27 }).equals(bytes)).toBe(true);
        if (compression === 'zstd') return;
        expect(gunzipSync(readFileSync(to)).equals(bytes)).toBe(true);
        // One member: its trailer has the size of everything.
        const list = execFileSync('gzip', ['-l', to], { encoding: 'utf8' });
        expect(list.trim().split('\n').at(-1)).toMatch(new RegExp(`^\\s*\\d+\\s+${bytes.length} `));
      }),
      { numRuns: 20 },
    );
  });

  it('has the same bytes with and without kept blocks, and keeps only what is new', async () => {
    const folder = temporaryFolder();
    const keep = join(folder, 'keep');
    const cacheFolder = async (id: string): Promise<string> => {
      mkdirSync(join(keep, id), { recursive: true });
      return await Promise.resolve(join(keep, id));
    };
    const bytes = sample(compression === 'gz' ? 6_000_000 : 24_000_000, 'one');
    const edited = Buffer.from(bytes);
    edited.write('another line', 3_000_000);
    const written: string[] = [];
    for (const source of [bytes, edited, bytes]) {
      const to = join(folder, name);
      const plain = await writeCompressed([source], { compression, to: join(folder, 'plain'), signal });
      const kept = await writeCompressed([source], { compression, to, signal, cacheFolder });
      expect(kept).toEqual(plain);
      written.push(kept.sha256);
    }
    expect(written[0]).not.toBe(written[1]);
    expect(written[0]).toBe(written[2]);
    const [packs = ''] = readdirSync(keep);
    const sizes = readdirSync(join(keep, packs)).map((file) => statSync(join(keep, packs, file)).size);
    expect(sizes).toHaveLength(2);
    expect(Math.min(...sizes)).toBeLessThan(Math.max(...sizes) / 2);
  });

  it('stops when the run is stopped', async () => {
    const stop = new AbortController();
    function* endless(): Generator<Buffer> {
      for (let index = 0; ; index += 1) {
        if (index === 3) stop.abort();
        yield randomBytes(2 ** 20);
      }
    }
    const to = join(temporaryFolder(), name);
    await expect(
      writeCompressed(endless(), { compression, level: 1, to, signal: stop.signal }),
    ).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
  });
});

describe('streamTool', () => {
  const context = (stop: AbortSignal = signal) => ({
    workspace: { spawn: runHostCommand },
    signal: stop,
    log: () => undefined,
  });
  const shell = (script: string) => (pipe: string) => ['sh', '-ec', script, 'sh', pipe] as const;
  const all = async (bytes: AsyncIterable<Buffer>): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of bytes) parts.push(part);
    return Buffer.concat(parts);
  };

  it('hands on all that a program writes, and leaves no pipe', async () => {
    const folder = temporaryFolder();
    const argv = shell('head -c 3000000 /dev/zero >"$1"');
    const bytes = await streamTool(context(), { folder, argv, reason: 'export-failed' }, all);
    expect(bytes.equals(Buffer.alloc(3_000_000))).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a program that fails before or after it wrote is a failure', async () => {
    for (const script of ['echo no >&2; exit 3', 'echo half >"$1"; echo no >&2; exit 3']) {
      const folder = temporaryFolder();
      const run = streamTool(context(), { folder, argv: shell(script), reason: 'export-failed' }, all);
      await expect(run).rejects.toMatchObject({
        failures: [{ reason: 'export-failed', message: 'sh exited with 3', excerpt: ['no'] }],
      });
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it('a program that is not there is named', async () => {
    const argv = (pipe: string) => ['no-such-program', pipe] as const;
    const run = streamTool(context(), { folder: temporaryFolder(), argv, reason: 'export-failed' }, all);
    await expect(run).rejects.toMatchObject({ failures: [{ reason: 'tool-missing' }] });
  });

  it('a reader that fails ends the program, and its error is what is told', async () => {
    const folder = temporaryFolder();
    const argv = shell('trap "" PIPE; yes >"$1" || true; touch "${1%stream}ended"; sleep 60');
    const run = streamTool(context(), { folder, argv, reason: 'export-failed' }, async (bytes) => {
      for await (const part of bytes) if (part.length > 0) throw new Error('the disk is full');
    });
    await expect(run).rejects.toThrow('the disk is full');
    expect(existsSync(join(folder, 'stream'))).toBe(false);
  });

  it('ends when the run is stopped', async () => {
    const stop = new AbortController();
    const argv = shell('yes >"$1"');
    const folder = temporaryFolder();
    const run = streamTool(context(stop.signal), { folder, argv, reason: 'export-failed' }, async (bytes) => {
      for await (const part of bytes) if (part.length > 0) stop.abort();
    });
    await expect(run).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
    expect(readdirSync(folder)).toEqual([]);
  });
});
