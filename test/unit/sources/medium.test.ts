import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { digestFromList, parseChecksum } from '../../../src/sources/medium/checksum.ts';
import { fetchMedium, type MediumContext } from '../../../src/sources/medium/fetch-medium.ts';
import { mediumUntracked } from '../../../src/sources/medium/fields.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const CONTENT = 'x'.repeat(100_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const MD5 = createHash('md5').update(CONTENT).digest('hex');

function surroundings(): MediumContext & { readonly folder: string } {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'cache'));
  return {
    folder,
    signal: new AbortController().signal,
    resolvePath: (path) => join(folder, path),
    cacheFolder: () => Promise.resolve(join(folder, 'cache')),
    log: () => undefined,
    status: () => undefined,
    progress: () => undefined,
  };
}

/** A server of `/disk.img`, which breaks off at first when told; the ranges it was asked for. */
async function serve(cutAt?: number): Promise<{ url: string; ranges: (string | undefined)[] }> {
  const ranges: (string | undefined)[] = [];
  const server: Server = createServer((request, response) => {
    if (request.url === '/SHA256SUMS')
      return void response.end(`${'0'.repeat(64)}  other\n${SHA256} *disk.img\n`);
    if (request.url !== '/disk.img') return void response.writeHead(404).end();
    const { range } = request.headers;
    ranges.push(range);
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': CONTENT.length - from });
    if (cutAt !== undefined && ranges.length === 1) {
      response.write(CONTENT.slice(0, cutAt), () => setTimeout(() => response.destroy(), 50));
    } else response.end(CONTENT.slice(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.img`, ranges };
}

const failing = (message: RegExp): object => ({
  failures: [{ reason: 'source-failed', message: expect.stringMatching(message) as string }],
});

describe('checksums', () => {
  test.each([
    ['none', { type: 'none' }],
    [SHA256, { type: 'digest', digest: { algorithm: 'sha256', hex: SHA256 } }],
    [`md5:${MD5.toUpperCase()}`, { type: 'digest', digest: { algorithm: 'md5', hex: MD5 } }],
    ['file:https://x/SUMS', { type: 'list', address: 'https://x/SUMS' }],
  ])('%s', (text, expected) => {
    expect(parseChecksum(text)).toEqual(expected);
  });

  test.each(['', 'file:', 'sha256:12', `sha1:${SHA256}`, 'abc', `crc32:${MD5}`])('%j is none', (text) => {
    expect(parseChecksum(text)).toBeUndefined();
  });

  test('lists of sha256sum, of BSD and of one file alone', () => {
    const digest = { algorithm: 'sha256', hex: SHA256 };
    expect(digestFromList(`${'1'.repeat(64)}  b\n${SHA256}  ./a/disk.img\n`, 'disk.img')).toEqual(digest);
    expect(digestFromList(`SHA256 (disk.img) = ${SHA256}\n`, 'disk.img')).toEqual(digest);
    expect(digestFromList(`${SHA256}\n`, 'whatever')).toEqual(digest);
    expect(digestFromList(`${SHA256}  other.img\n${SHA256}  another\n`, 'disk.img')).toBeUndefined();
  });
});

describe('media', () => {
  test('a local file is taken where it lies, when its checksum is right', async () => {
    const context = surroundings();
    writeFileSync(join(context.folder, 'a.img'), CONTENT);
    expect(await fetchMedium({ path: 'a.img', checksum: SHA256 }, context)).toBe(
      join(context.folder, 'a.img'),
    );
    await expect(
      fetchMedium({ path: 'a.img', checksum: `md5:${'0'.repeat(32)}` }, context),
    ).rejects.toMatchObject(failing(/a\.img does not have the checksum md5:000/));
    await expect(fetchMedium({ path: 'none.img' }, context)).rejects.toThrow(/not a file/);
  });

  test('a download is checked against a list of its publisher, and kept', async () => {
    const context = surroundings();
    const { url, ranges } = await serve();
    const checksum = `file:${url.replace('disk.img', 'SHA256SUMS')}`;
    const path = await fetchMedium({ url, checksum }, context);
    expect(readFileSync(path, 'utf8')).toBe(CONTENT);
    expect(await fetchMedium({ url, checksum }, context)).toBe(path);
    expect(ranges).toHaveLength(1);
  });

  test('a download that broke off goes on where it ended', async () => {
    const context = surroundings();
    const { url, ranges } = await serve(60_000);
    const options = { url, checksum: `sha256:${SHA256}` };
    await expect(fetchMedium(options, context)).rejects.toThrow(/download failed/);
    const path = await fetchMedium(options, context);
    expect(readFileSync(path, 'utf8')).toBe(CONTENT);
    expect(ranges).toEqual([undefined, 'bytes=60000-']);
  });

  test('of a wrong download nothing stays', async () => {
    const context = surroundings();
    const { url, ranges } = await serve();
    const options = { url, checksum: `sha256:${'0'.repeat(64)}` };
    await expect(fetchMedium(options, context)).rejects.toMatchObject(failing(/does not have the checksum/));
    await expect(fetchMedium(options, context)).rejects.toThrow();
    // Not a range: it began anew.
    expect(ranges).toEqual([undefined, undefined]);
  });

  test('one address after the other is tried', async () => {
    const context = surroundings();
    const { url } = await serve();
    const urls = [url.replace('disk.img', 'gone.img'), url];
    const path = await fetchMedium({ urls, checksum: SHA256 }, context);
    expect(readFileSync(path, 'utf8')).toBe(CONTENT);
    await expect(fetchMedium({ urls: urls.slice(0, 1) }, context)).rejects.toMatchObject(
      failing(/gone\.img: the server answers 404/),
    );
  });

  test('what no checksum names is not cached', () => {
    expect(mediumUntracked({ url: 'https://x/y' })).toMatch(/no checksum/);
    expect(mediumUntracked({ url: 'https://x/y', checksum: 'none' })).toMatch(/no checksum/);
    expect(mediumUntracked({ url: 'https://x/y', checksum: SHA256 })).toBeUndefined();
    expect(mediumUntracked({ path: 'y' })).toBeUndefined();
  });
});
