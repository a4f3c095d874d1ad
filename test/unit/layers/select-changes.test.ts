import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dropMatcher } from '../../../src/layers/drop-rules.ts';
import { hexOf, LayerStore } from '../../../src/layers/layer-store.ts';
import { formatManifest, type ManifestEntry } from '../../../src/layers/manifest.ts';
import type { DescribedEntry } from '../../../src/layers/overlayfs/agent/describe-tree.ts';
import { selectChanges } from '../../../src/layers/overlayfs/agent/select-changes.ts';
import { distinctTopmost, ViewIndex } from '../../../src/layers/view-index.ts';
import { asDigest, type Digest } from '../../../src/model/ids.ts';
import { sha256Hex } from '../../../src/util/hash.ts';

const base = { mode: 0o644, uid: 0, gid: 0, mtime: 100, xattrs: [] };
const file = (path: string, more: object = {}): ManifestEntry => ({
  ...base,
  type: 'file',
  path,
  size: 1,
  sha256: 'aa',
  ...more,
});
const folder = (path: string, more: object = {}): ManifestEntry => ({
  ...base,
  type: 'directory',
  path,
  mode: 0o755,
  opaque: false,
  ...more,
});
const whiteout = (path: string): ManifestEntry => ({ type: 'whiteout', path });
const link = (path: string, target: string): ManifestEntry => ({ type: 'hard-link', path, target });

const directory = mkdtempSync(join(tmpdir(), 'imgpipe-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A store with layers of manifests only: views are worked out from those. */
class Layers {
  readonly store = new LayerStore(directory);

  add(...entries: ManifestEntry[]): Digest {
    const manifest = formatManifest([folder('/'), ...entries].toSorted((a, b) => (a.path < b.path ? -1 : 1)));
    const digest = asDigest(`sha256:${sha256Hex(manifest)}`);
    mkdirSync(join(this.store.layersDirectory, hexOf(digest)), { recursive: true });
    writeFileSync(join(this.store.layersDirectory, hexOf(digest), 'manifest'), manifest, 'latin1');
    return digest;
  }

  view(...digests: Digest[]): ViewIndex {
    return new ViewIndex(this.store, digests);
  }
}

function select(
  below: ViewIndex | undefined,
  entries: readonly ManifestEntry[],
  drop: readonly string[] = [],
  inodes: Record<string, string> = {},
): string[] {
  const changes = [folder('/'), ...entries].map((entry): DescribedEntry => {
    const inode = inodes[entry.path];
    return inode === undefined ? { entry } : { entry, inode };
  });
  return selectChanges(changes, { below, dropped: dropMatcher(drop), shim: new Set() })
    .filter(({ path }) => path !== '/')
    .map(
      (entry) => `${entry.path} ${entry.type}${entry.type === 'directory' && entry.opaque ? ' opaque' : ''}`,
    );
}

describe('what a view shows', () => {
  const layers = new Layers();
  const lower = layers.add(folder('/a'), file('/a/1'), file('/a/2'), folder('/b'), file('/b/1'), file('/f'));
  const upper = layers.add(
    folder('/a'),
    whiteout('/a/1'),
    file('/a/3'),
    folder('/b', { opaque: true }),
    file('/b/2'),
    folder('/f'),
    file('/f/x'),
  );
  const top = layers.add(file('/a'), folder('/b'), file('/b/3'));

  test('folders merge; whiteouts, opaque folders and files hide', () => {
    const view = layers.view(lower, upper);
    expect(view.list('/').map(({ path }) => path)).toEqual(['/a', '/b', '/f']);
    expect(view.list('/a').map(({ path }) => path)).toEqual(['/a/2', '/a/3']);
    expect(view.list('/b').map(({ path }) => path)).toEqual(['/b/2']);
    expect(view.list('/f').map(({ path }) => path)).toEqual(['/f/x']);
    const three = layers.view(lower, upper, top);
    expect(three.lookup('/a/2')).toBeUndefined();
    expect(three.list('/a')).toEqual([]);
    expect(three.list('/b').map(({ path }) => path)).toEqual(['/b/2', '/b/3']);
    expect(three.lookup('/b/2')?.layer).toBe(upper);
  });

  test('a repeated layer counts at its top', () => {
    expect(distinctTopmost([lower, upper, lower])).toEqual([upper, lower]);
  });
});

describe('selecting changes', () => {
  const layers = new Layers();
  const lower = layers.add(
    folder('/etc'),
    file('/etc/a'),
    file('/etc/b'),
    link('/etc/c', '/etc/b'),
    folder('/old'),
    file('/old/x'),
  );
  const view = layers.view(lower);

  test('equal copies and touched folders are none', () => {
    expect(select(view, [folder('/etc', { mtime: 200 }), file('/etc/a')])).toEqual([]);
    expect(select(view, [folder('/etc'), file('/etc/a', { mtime: 200 })])).toEqual([
      '/etc directory',
      '/etc/a file',
    ]);
    expect(select(view, [folder('/etc', { uid: 3 }), file('/etc/a')])).toEqual(['/etc directory']);
    expect(select(view, [folder('/etc'), file('/etc/a', { xattrs: [['user.x', '00']] })])).toEqual([
      '/etc directory',
      '/etc/a file',
    ]);
  });

  test('a copy of one name of a linked file is no change; a new link is', () => {
    expect(select(view, [folder('/etc'), file('/etc/c')])).toEqual([]);
    expect(
      select(view, [folder('/etc'), file('/etc/b'), file('/etc/c')], [], { '/etc/b': '1', '/etc/c': '1' }),
    ).toEqual([]);
    expect(
      select(view, [folder('/etc'), file('/etc/a'), file('/etc/z')], [], { '/etc/a': '1', '/etc/z': '1' }),
    ).toEqual(['/etc directory', '/etc/a file', '/etc/z hard-link']);
    // Equal to two different files below: joining them is a change.
    expect(
      select(view, [folder('/etc'), file('/etc/a'), file('/etc/b')], [], { '/etc/a': '1', '/etc/b': '1' }),
    ).toHaveLength(3);
  });

  test('whiteouts of nothing are none', () => {
    expect(select(view, [folder('/etc'), whiteout('/etc/a'), whiteout('/etc/new')])).toEqual([
      '/etc directory',
      '/etc/a whiteout',
    ]);
  });

  test('opaque stays where it hides something; nothing below it is compared', () => {
    expect(
      select(view, [
        folder('/old', { opaque: true }),
        file('/old/x'),
        folder('/new', { opaque: true }),
        file('/new/y'),
      ]),
    ).toEqual(['/new directory', '/new/y file', '/old directory opaque', '/old/x file']);
    expect(select(view, [folder('/old', { opaque: true })])).toEqual(['/old directory opaque']);
  });

  test('dropped paths go, deletions and the folder itself stay', () => {
    expect(
      select(
        view,
        [folder('/etc'), whiteout('/etc/a'), file('/etc/new'), folder('/log'), file('/log/x')],
        ['etc/', 'log/'],
      ),
    ).toEqual(['/etc directory', '/etc/a whiteout', '/log directory']);
    expect(select(view, [folder('/log'), file('/log/x')], ['log'])).toEqual([]);
    // One of two names is dropped: the other is the file now.
    expect(select(undefined, [file('/a'), file('/b')], ['a'], { '/a': '1', '/b': '1' })).toEqual(['/b file']);
  });

  test('with nothing to compare with, all is kept', () => {
    expect(select(undefined, [folder('/d', { opaque: true }), whiteout('/d/w')])).toEqual([
      '/d directory opaque',
      '/d/w whiteout',
    ]);
  });
});

describe('drop patterns', () => {
  test.each([
    ['tmp/', '/tmp/a', true],
    ['tmp/', '/tmp/a/b', true],
    ['tmp/', '/tmp', false],
    ['tmp/', '/tmpfile', false],
    ['var/*.log', '/var/x.log', true],
    ['var/*.log', '/var/d/x.log', false],
    ['etc/id', '/etc/id', true],
    ['etc/id', '/etc/id/x', true],
    ['etc/id', '/etc/id2', false],
    ['a+b(c)', '/a+b(c)', true],
    ['*/cache/', '/x/cache/y', true],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(dropMatcher([pattern])(path)).toBe(expected);
  });

  test('none drops nothing', () => {
    expect(dropMatcher([])('/')).toBe(false);
  });
});
