import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decompressed, detectCompression } from '../../../src/sources/tar/compression.ts';
import { scanTar, type TarScan } from '../../../src/sources/tar/scan.ts';
import { TreeState } from '../../../src/sources/tar/tree-state.ts';
import { makeTar, type TarEntry } from '../../rigs/make-tar.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const scan = async (
  entries: readonly TarEntry[],
  state = new TreeState(),
  whiteouts = true,
): Promise<TarScan> =>
  await scanTar(Readable.from([await makeTar(entries)]), { name: 'x.tar', state, whiteouts });

const refused = async (entries: readonly TarEntry[], state?: TreeState): Promise<string> => {
  const error: unknown = await scan(entries, state).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : 'not refused';
};

describe('entries that would land outside of the tree are refused', () => {
  test.each<[string, readonly TarEntry[], string]>([
    ['a name with ..', [{ name: '../etc/passwd', content: 'x' }], 'leads out of the tree'],
    ['.. in the middle', [{ name: 'a/../../b', content: 'x' }], 'leads out of the tree'],
    ['an absolute name with ..', [{ name: '/../b', content: 'x' }], 'leads out of the tree'],
    [
      'a file behind an absolute link',
      [
        { name: 'a', type: 'symlink', linkname: '/etc' },
        { name: 'a/b', content: 'x' },
      ],
      'symbolic link that leads out',
    ],
    [
      'a file behind a link with ..',
      [
        { name: 'd/a', type: 'symlink', linkname: '../../etc' },
        { name: 'd/a/b', content: 'x' },
      ],
      'symbolic link that leads out',
    ],
    [
      'a file behind a chain of links',
      [
        { name: 'a', type: 'symlink', linkname: 'b' },
        { name: 'b', type: 'symlink', linkname: '/' },
        { name: 'a/c', content: 'x' },
      ],
      'symbolic link that leads out',
    ],
    [
      'links in a circle',
      [
        { name: 'a', type: 'symlink', linkname: 'a' },
        { name: 'a/b', content: 'x' },
      ],
      'symbolic link that leads out',
    ],
    [
      'a hard link to the outside',
      [{ name: 'a', type: 'link', linkname: '../../etc/shadow' }],
      'leads out of the tree',
    ],
    [
      'a hard link through a link',
      [
        { name: 'a', type: 'symlink', linkname: '/etc' },
        { name: 'b', type: 'link', linkname: 'a/shadow' },
      ],
      'is a hard link to a/shadow, outside',
    ],
  ])('%s', async (_what, entries, message) => {
    expect(await refused(entries)).toContain(message);
  });

  test('a zero byte in a record, after which another path begins', async () => {
    // The second half would be a path of the host to whoever takes the list of deletions apart.
    const state = new TreeState();
    const evil = 'x\0/etc/passwd';
    for (const entry of [
      { name: evil, content: 'x' },
      { name: 'x\0/etc/.wh.passwd', content: '' },
      { name: 'sparse', content: '', pax: { 'GNU.sparse.name': evil } },
      { name: 'a', type: 'symlink', linkname: evil },
      { name: 'b', type: 'link', linkname: evil },
    ] as const)
      expect(await refused([{ pax: {}, ...entry }], state), entry.name).toContain('zero byte');
  });

  test('a link of an earlier layer counts', async () => {
    const state = new TreeState();
    await scan([{ name: 'etc', type: 'symlink', linkname: '/etc' }], state);
    expect(await refused([{ name: 'etc/passwd', content: 'x' }], state)).toContain('leads out of the tree');
    expect(await refused([{ name: 'etc/.wh.passwd', content: '' }], state)).toContain(
      'deleted through a symbolic link',
    );
  });
});

test('ordinary trees pass: links inside, absolute names, hard links', async () => {
  const found = await scan([
    { name: './', type: 'directory' },
    { name: 'usr/lib/', type: 'directory' },
    { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
    { name: 'usr/up', type: 'symlink', linkname: '../usr/lib' },
    { name: 'lib/a', content: 'x' },
    { name: 'usr/up/b', content: 'x' },
    { name: '/etc/c', content: 'x' },
    { name: 'd', type: 'link', linkname: './usr/lib/a' },
    { name: 'etc/alternatives/x', type: 'symlink', linkname: '/anywhere/..' },
  ]);
  expect(found).toMatchObject({ entries: 9, excluded: [], removals: [] });
});

test('device nodes are left out', async () => {
  const device = { type: 'character-device', devmajor: 1, devminor: 3 } as const;
  expect(
    (
      await scan([
        { name: './dev/null', ...device },
        { name: 'a', content: '' },
      ])
    ).excluded,
  ).toEqual(['./dev/null']);
});

describe('layers', () => {
  const lower: readonly TarEntry[] = [
    { name: 'etc/', type: 'directory' },
    { name: 'etc/a', content: '1' },
    { name: 'etc/b', content: '1' },
    { name: 'opt/x/deep', content: '1' },
    { name: 'link', type: 'symlink', linkname: 'etc' },
  ];
  const second = async (entries: readonly TarEntry[]): Promise<TarScan> => {
    const state = new TreeState();
    await scan(lower, state);
    return await scan(entries, state);
  };

  test('a whiteout removes what lies below, and only that', async () => {
    expect(
      await second([
        { name: 'etc/.wh.a', content: '' },
        { name: '.wh.opt', content: '' },
        { name: '.wh.never-was', content: '' },
      ]),
    ).toMatchObject({
      removals: ['etc/a', 'opt'],
      excluded: ['etc/.wh.a', '.wh.opt', '.wh.never-was'],
    });
  });

  test('an opaque folder hides what lies below, wherever the marker stands', async () => {
    const marker = { name: 'etc/.wh..wh..opq', content: '' };
    const own = { name: 'etc/a', content: '2' };
    expect((await second([marker, own])).removals).toEqual(['etc/a', 'etc/b']);
    expect((await second([own, marker])).removals).toEqual(['etc/a', 'etc/b']);
  });

  test('a change of type takes the old entry away first', async () => {
    expect((await second([{ name: 'opt', content: 'now a file' }])).removals).toEqual(['opt']);
    expect((await second([{ name: 'link/', type: 'directory' }])).removals).toEqual(['link']);
    expect(
      (
        await second([
          { name: 'etc/a', content: '2' },
          { name: 'etc/', type: 'directory' },
        ])
      ).removals,
    ).toEqual([]);
  });

  test('a third layer sees what the second left', async () => {
    const state = new TreeState();
    await scan(lower, state);
    await scan([{ name: 'etc/.wh.a', content: '' }], state);
    expect(
      (
        await scan(
          [
            { name: 'etc/.wh.a', content: '' },
            { name: 'etc/.wh.b', content: '' },
          ],
          state,
        )
      ).removals,
    ).toEqual(['etc/b']);
  });

  test('outside of layers such names are files', async () => {
    expect(await scan([{ name: '.wh.a', content: 'x' }], new TreeState(), false)).toMatchObject({
      excluded: [],
      removals: [],
    });
  });
});

describe('damage', () => {
  const whole = makeTar([
    { name: 'a', content: 'x'.repeat(5000) },
    { name: 'b', content: 'y' },
  ]);
  const scanBytes = (bytes: Buffer) =>
    scanTar(Readable.from([bytes]), { name: 'x.tar', state: new TreeState() });

  test('a tar that ends too early', async () => {
    await expect(scanBytes((await whole).subarray(0, 3000))).rejects.toThrow(/x\.tar is not a whole tar/);
  });

  test('a header that does not add up', async () => {
    const bytes = Buffer.from(await whole);
    bytes[3] = 0x41;
    await expect(scanBytes(bytes)).rejects.toThrow(/is not a whole tar/);
  });

  test('something else, or nothing', async () => {
    await expect(scanBytes(Buffer.from('<html>not found</html>'.repeat(100)))).rejects.toThrow(
      /is not a whole tar/,
    );
    await expect(scanBytes(Buffer.alloc(0))).rejects.toThrow(/is not a tar, or an empty one/);
  });

  test('a compressed file that is cut off', async () => {
    const folder = temporaryFolder();
    for (const [name, bytes] of [
      ['gzip', gzipSync(await whole)],
      ['zstd', zstdCompressSync(await whole)],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, bytes.subarray(0, bytes.length - 12));
      expect(await detectCompression(path)).toBe(name);
      await expect(
        scanTar(decompressed(path, name), { name: 'x.tar', state: new TreeState() }),
      ).rejects.toThrow(/is not a whole tar/);
    }
  });
});
