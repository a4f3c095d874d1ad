import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byteString,
  formatEntry,
  formatManifest,
  parseEntry,
  textOf,
  type ManifestEntry,
} from '../../../src/layers/manifest.ts';
import { ManifestIndex } from '../../../src/layers/manifest-index.ts';

const byte = fc
  .integer({ min: 1, max: 255 })
  .filter((code) => code !== 0x2f)
  .map((code) => String.fromCharCode(code));
const name = fc
  .array(byte, { minLength: 1, maxLength: 6 })
  .map((bytes) => bytes.join(''))
  .filter((text) => text !== '.' && text !== '..');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`);
const number = fc.nat();
const xattr = fc.tuple(
  name.map((text) => `user.${text}`),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('hex')),
);
const attributes = {
  path,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: number,
  gid: number,
  mtime: fc.integer({ min: -10_000_000_000, max: 10_000_000_000 }),
  xattrs: fc.array(xattr, { maxLength: 2 }),
};
const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  fc.record({
    ...attributes,
    type: fc.constant('file' as const),
    size: number,
    sha256: fc.constant('ab'.repeat(32)),
  }),
  fc.record({ ...attributes, type: fc.constant('directory' as const), opaque: fc.boolean() }),
  fc.record({ ...attributes, type: fc.constant('symlink' as const), mode: fc.constant(0o777), target: path }),
  fc.record({
    ...attributes,
    type: fc.constantFrom('character-device' as const, 'block-device' as const),
    major: number,
    minor: number,
  }),
  fc.record({ ...attributes, type: fc.constant('pipe' as const) }),
  fc.record({ path, type: fc.constant('hard-link' as const), target: path }),
  fc.record({ path, type: fc.constant('whiteout' as const) }),
);

describe('manifest lines', () => {
  test('every entry comes back, from one line of printable ASCII', () => {
    fc.assert(
      fc.property(entry, (value) => {
        const line = formatEntry(value);
        expect(line).toMatch(/^[!-~]+( [!-~]+)*$/);
        expect(parseEntry(line)).toEqual(value);
      }),
    );
  });

  test('the format of each type is what it was', () => {
    const base = { mode: 0o644, uid: 1, gid: 2, mtime: 3, xattrs: [] };
    const lines = [
      { ...base, type: 'file', path: '/a b', size: 5, sha256: 'ff', xattrs: [['user.a=b', '00ff']] },
      { ...base, type: 'directory', path: byteString('/é'), opaque: true },
      { ...base, type: 'symlink', path: '/l', target: '../x y' },
      { ...base, type: 'block-device', path: '/d', major: 8, minor: 1 },
      { type: 'hard-link', path: '/h', target: '/a b' },
      { type: 'whiteout', path: '/w' },
    ] satisfies ManifestEntry[];
    expect(formatManifest(lines)).toBe(
      [
        '#imgpipe-layer 1',
        String.raw`/a\040b f 0644 1 2 3 5 ff user.a\075b=00ff`,
        String.raw`/\303\251 d 0644 1 2 3 - opaque`,
        String.raw`/l l - 1 2 3 - ../x\040y`,
        '/d b 0644 1 2 3 - 8:1',
        String.raw`/h h - - - - - /a\040b`,
        '/w w - - - - - -',
        '',
      ].join('\n'),
    );
  });

  test('a line that nobody wrote is refused', () => {
    expect(() => parseEntry('/x q 0644 0 0 0 - -')).toThrow('damaged manifest line');
    expect(ManifestIndex.of('something else')).toBeUndefined();
    expect(ManifestIndex.of('#imgpipe-layer 1\n/x w - -')).toBeUndefined();
  });

  test('text and bytes of names', () => {
    expect(textOf(byteString('/Füße'))).toBe('/Füße');
    expect(byteString('é')).toBe('\u00c3\u00a9');
  });
});

describe('the index of a manifest', () => {
  test('finds every entry, no other, and the children of every folder', () => {
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 40 }), path, (paths, other) => {
        const entries = paths
          .toSorted((a, b) => (a < b ? -1 : 1))
          .map((at): ManifestEntry => ({ type: 'whiteout', path: at }));
        const index = ManifestIndex.of(formatManifest(entries));
        if (index === undefined) throw new Error('no index');
        expect([...index.entries()]).toEqual(entries);
        for (const at of paths) expect(index.find(at)?.path).toBe(at);
        expect(index.find(other)?.path).toBe(paths.includes(other) ? other : undefined);
        for (const folder of ['/', ...paths]) {
          const prefix = folder === '/' ? '/' : `${folder}/`;
          const children = entries.filter(
            ({ path: at }) =>
              at.startsWith(prefix) && !at.slice(prefix.length).includes('/') && at !== folder,
          );
          expect([...index.children(folder)]).toEqual(children);
        }
      }),
    );
  });
});
