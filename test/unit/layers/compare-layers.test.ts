import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareLayers, compareViews, describeChange } from '../../../src/layers/compare-layers.ts';
import { parseDpkgStatus } from '../../../src/layers/debian-packages.ts';
import { ViewIndex } from '../../../src/layers/view-index.ts';
import { visibleTree } from '../../../src/layers/visible-tree.ts';
import { StoredLayers, type Sketch } from '../../rigs/stored-layers.ts';

const status = (versions: Record<string, string>): string =>
  Object.entries(versions)
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`,
    )
    .join('\n');

test('names what differs in two layers', () => {
  const layers = new StoredLayers();
  const a = layers.add({
    '/etc/gone': 'x',
    '/etc/same': 'x',
    '/etc/text': 'old',
    '/etc/owned': { type: 'directory', opaque: false },
    '/etc/link': { type: 'symlink', target: 'same' },
    '/var/lib/dpkg/status': status({ bash: '5.1', dash: '1', sed: '4' }),
  });
  const b = layers.add({
    '/etc/new': 'xyz',
    '/etc/same': 'x',
    '/etc/text': { type: 'file', mode: 0o600, size: 3, sha256: '0'.repeat(64) },
    '/etc/owned': { type: 'directory', opaque: true, uid: 33 },
    '/etc/link': { type: 'hard-link', target: '/etc/same' },
    '/var/lib/dpkg/status': status({ bash: '5.2', sed: '4', vim: '9' }),
  });
  const comparison = compareLayers(layers.store, a, b);
  expect(comparison.entries.map(describeChange)).toEqual([
    '/etc/gone removed',
    '/etc/link changed (type, mode, links)',
    '/etc/new added',
    '/etc/owned changed (hides, owner)',
    '/etc/text changed (content, mode)',
    '/var/lib/dpkg/status changed (content)',
  ]);
  expect(comparison.packages).toEqual([
    { name: 'bash', before: '5.1', after: '5.2' },
    { name: 'dash', before: '1' },
    { name: 'vim', after: '9' },
  ]);
  expect(compareLayers(layers.store, a, a)).toMatchObject({ entries: [], packages: [] });
});

test('a layer without a package database says nothing about packages', () => {
  const layers = new StoredLayers();
  const some = layers.add({ '/var/lib/dpkg/status': status({ bash: '1' }) });
  expect(compareLayers(layers.store, layers.add({ '/a': 'x' }), some).packages).toEqual([]);
});

test('two stacks differ in what a machine sees, not in how it came about', () => {
  const layers = new StoredLayers();
  const base = layers.add({ '/etc/motd': 'hello', '/opt/a/b': 'x' });
  const overwritten = layers.add({ '/etc/motd': 'world', '/opt/a': null });
  const atOnce = layers.add({ '/etc/motd': 'world', '/opt': { type: 'directory', opaque: false } });
  expect(compareViews(layers.store, [base, overwritten], [atOnce]).entries).toEqual([]);
  const { entries, size } = compareViews(layers.store, [base], [base, overwritten]);
  expect(entries.map(describeChange)).toEqual([
    '/etc/motd changed (content)',
    '/opt/a removed',
    '/opt/a/b removed',
  ]);
  expect(entries.map((entry) => entry.after?.layer ?? entry.before?.layer)).toEqual([
    overwritten,
    base,
    base,
  ]);
  expect(size).toEqual({ before: 6, after: 5 });
});

test('a further name of a file has the content of its own layer', () => {
  const layers = new StoredLayers();
  const base = layers.add({ '/a': 'old', '/b': { type: 'hard-link', target: '/a' } });
  const upper = layers.add({ '/a': 'new' });
  const { entries } = compareViews(layers.store, [base], [base, upper]);
  expect(entries.map(describeChange)).toEqual(['/a changed (content)']);
});

describe('the whole of a view', () => {
  const names = fc.constantFrom('/a', '/a/b', '/a/b/c', '/a/d', '/e', '/e/f');
  const what = fc.constantFrom<Sketch[string]>(
    'text',
    null,
    { type: 'symlink', target: 'a' },
    { type: 'directory', opaque: true },
    { type: 'directory', opaque: false },
  );
  const sketch = fc.dictionary(names, what, { maxKeys: 5, noNullPrototype: true }).map((all): Sketch => {
    // What lies in something that is no folder cannot be in one layer with it.
    const isFolder = (path: string): boolean => {
      const entry = all[path];
      return entry === undefined || (typeof entry === 'object' && entry?.type === 'directory');
    };
    return Object.fromEntries(
      Object.entries(all).filter(([path]) => parents(path).every((parent) => isFolder(parent))),
    );
  });

  test('is what looking up every path shows', () => {
    fc.assert(
      fc.property(fc.array(sketch, { minLength: 1, maxLength: 4 }), (sketches) => {
        const layers = new StoredLayers();
        const digests = sketches.map((each) => layers.add({ '/z': 'x', ...each }));
        const index = new ViewIndex(layers.store, digests);
        const walk = (folder: string): string[] =>
          index
            .list(folder)
            .flatMap(({ path, type }) => [
              `${path} ${index.lookup(path)?.layer}`,
              ...(type === 'directory' ? walk(path) : []),
            ]);
        const whole = [...visibleTree(layers.store, digests)].map(([path, { layer }]) => `${path} ${layer}`);
        expect(whole.filter((line) => !line.startsWith('/ ')).toSorted()).toEqual(walk('/').toSorted());
      }),
      { numRuns: 60 },
    );
  });

  const parents = (path: string): string[] =>
    path
      .split('/')
      .slice(1, -1)
      .map((_, at, all) => `/${all.slice(0, at + 1).join('/')}`);
});

test('packages of two architectures keep their names apart', () => {
  const text =
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n' +
    'Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2\n\n' +
    'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 3\n\n' +
    'Package: bash\nStatus: install ok installed\nDescription: a shell\n Version: 9 of lies\nArchitecture: amd64\nVersion: 5\n';
  expect([...parseDpkgStatus(text)]).toEqual([
    ['libc6:amd64', '1'],
    ['libc6:i386', '2'],
    ['bash', '5'],
  ]);
});
