import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ManifestEntry } from '../../../src/layers/manifest.ts';
import { planDelta, type PatchOperation } from '../../../src/exporters/disk/delta.ts';
import { mergeTree, type MergedTree } from '../../../src/exporters/disk/merged-tree.ts';
import { chooseDelta, DELTA_LIMITS } from '../../../src/exporters/disk/split.ts';
import { file, folder, link, whiteout } from './entries.ts';

const choose = (layers: readonly (readonly ManifestEntry[])[], candidates: readonly number[]) =>
  chooseDelta(layers.length, candidates, (position) => layers[position] ?? []);

describe('chooseDelta', () => {
  const base = [folder('/'), folder('/etc'), file('/etc/passwd')];
  const page = [folder('/'), folder('/srv'), file('/srv/index.html')];
  const seal = [folder('/'), folder('/etc'), whiteout('/etc/machine-id')];

  it('takes plain candidates and never anything else', () => {
    expect(choose([base, page, seal], [1])).toEqual([1]);
    expect(choose([base, page, seal], [])).toEqual([]);
  });

  it.each([
    [
      'a device',
      {
        type: 'character-device',
        path: '/dev/x',
        mode: 0o600,
        uid: 0,
        gid: 0,
        mtime: 0,
        xattrs: [],
        major: 1,
        minor: 3,
      },
    ],
    ['a hard link', { type: 'hard-link', path: '/b', target: '/a' }],
    ['an extended attribute', file('/bin/ping', { xattrs: [['security.capability', '00']] })],
    ['a name with a blank', file('/my file')],
    ['a name with a quote', file('/it"s')],
    ['a name like an option', file('/-rf')],
    ['a link to a place with a blank', link('/l', '/my file')],
    ['a file too large', file('/big', { size: DELTA_LIMITS.bytes + 1 })],
  ] satisfies [string, ManifestEntry][])('leaves %s to mke2fs', (_, entry) => {
    expect(choose([base, [folder('/'), entry], seal], [1])).toEqual([]);
  });

  it.each([
    ['writes the same file', [folder('/srv'), file('/srv/index.html')]],
    ['deletes the file', [folder('/srv'), whiteout('/srv/index.html')]],
    ['deletes its folder', [whiteout('/srv')]],
    ['replaces its folder', [folder('/srv', { opaque: true })]],
    ['makes its folder a link', [link('/srv', '/var/srv')]],
  ] satisfies [string, ManifestEntry[]][])(
    'keeps a layer in the base when a base layer above %s',
    (_, above) => {
      expect(choose([base, page, above], [1])).toEqual([]);
    },
  );

  it('lets a candidate above it write the same file, when both are patched in', () => {
    expect(choose([base, page, page, seal], [1, 2])).toEqual([1, 2]);
  });

  it('fills the limits from the top', () => {
    const large = (path: string) => [file(path, { size: DELTA_LIMITS.bytes - 100 })];
    expect(choose([base, page, large('/a'), large('/b'), seal], [1, 2, 3])).toEqual([1, 3]);
  });
});

/** A random tree's entries in the form of a manifest: parents before children, each path once. */
const layer: fc.Arbitrary<ManifestEntry[]> = fc
  .array(
    fc.record({
      path: fc
        .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
        .map((parts) => `/${parts.join('/')}`),
      type: fc.constantFrom('file', 'link', 'whiteout', 'folder', 'opaque'),
      mode: fc.constantFrom(0o600, 0o755),
    }),
    { maxLength: 5 },
  )
  .map((wanted) => {
    const entries = new Map<string, ManifestEntry>([['/', folder('/')]]);
    for (const { path, type, mode } of wanted) {
      const parents = path
        .split('/')
        .slice(1, -1)
        .map((_, index, parts) => `/${parts.slice(0, index + 1).join('/')}`);
      const blocked = parents.some((parent) => (entries.get(parent)?.type ?? 'directory') !== 'directory');
      if (blocked || entries.has(path)) continue;
      for (const parent of parents) if (!entries.has(parent)) entries.set(parent, folder(parent, { mode }));
      if (type === 'file') entries.set(path, file(path, { mode }));
      else if (type === 'link') entries.set(path, link(path, `/target${mode}`));
      else if (type === 'whiteout') entries.set(path, whiteout(path));
      else entries.set(path, folder(path, { mode, opaque: type === 'opaque' }));
    }
    return [...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  });

/** What a file system holds after the operations: paths with type and mode. */
function apply(tree: MergedTree, operations: readonly PatchOperation[]): Map<string, string> {
  const names = { file: 'f', directory: 'd', symlink: 'l' } as Record<string, string>;
  const state = new Map(
    [...tree].map(([path, { entry }]) => [
      path,
      `${names[entry.type]} ${'mode' in entry ? entry.mode.toString(8) : ''}`,
    ]),
  );
  for (const operation of operations) {
    const { path } = operation;
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    if (operation.type === 'set-attributes') {
      const type = { 0o100000: 'f', 0o040000: 'd', 0o120000: 'l' }[operation.mode & 0o170000];
      if (!state.get(path)?.startsWith(type ?? '?')) throw new Error(`${path} is not a ${type}`);
      state.set(path, `${type} ${(operation.mode & 0o7777).toString(8)}`);
      continue;
    }
    if (state.has(path)) throw new Error(`${path} exists`);
    if (!state.get(parent)?.startsWith('d')) throw new Error(`${parent} is no folder`);
    state.set(path, { 'make-directory': 'd', 'write-file': 'f', 'make-symlink': 'l' }[operation.type]);
  }
  return state;
}

describe('the two parts of a disk', () => {
  it('give together what all layers give, whatever the layers and the candidates', () => {
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 1, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        (layers, flags) => {
          const stack = layers.map((entries, position) => ({ position, entries }));
          const candidates = stack.flatMap(({ position }) =>
            position > 0 && flags[position] ? [position] : [],
          );
          const chosen = choose(layers, candidates);
          const base = mergeTree(stack.filter(({ position }) => !chosen.includes(position)));
          const { operations } = planDelta(
            base,
            stack.filter(({ position }) => chosen.includes(position)),
          );
          const expected = apply(mergeTree(stack), []);
          expect(new Map([...apply(base, operations)].toSorted())).toEqual(new Map([...expected].toSorted()));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('masks from the base exactly what the delta replaces or deletes', () => {
    const base = mergeTree([
      { position: 0, entries: [folder('/'), folder('/a'), file('/a/x'), file('/a/y'), file('/b')] },
    ]);
    const delta = [folder('/'), whiteout('/a/x'), file('/b'), file('/new')];
    const part = planDelta(base, [{ position: 1, entries: delta }]);
    expect(part.maskPaths).toEqual(['/a/x', '/b']);
    expect([...base.keys()]).toEqual(['/', '/a', '/a/y']);
  });
});
