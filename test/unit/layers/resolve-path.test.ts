import { describe, expect, test } from 'vitest';
import { resolvePath, type PathTree } from '../../../src/layers/resolve-path.ts';

const TREE: Record<string, string> = {
  '/lib': '-> usr/lib',
  '/usr': 'd',
  '/usr/lib': 'd',
  '/usr/lib/f': 'f',
  '/bin': '-> /usr/bin',
  '/usr/bin': 'd',
  '/a': '-> b',
  '/b': '-> a',
  '/out': '-> ../../../../etc',
  '/etc': 'd',
  '/etc/self': '-> .',
  '/etc/up': '-> ../lib/./f',
  '/dangling': '-> missing/dir',
};

const tree: PathTree = {
  lookup: (path) => {
    const entry = TREE[path];
    if (entry === undefined) return undefined;
    return {
      entry: entry.startsWith('-> ')
        ? { type: 'symlink', target: entry.slice(3) }
        : { type: entry === 'd' ? 'directory' : 'file' },
    };
  },
  isDirectory: (path) => path === '/' || TREE[path] === 'd',
};

describe('following links of an image', () => {
  test.each([
    ['/lib/x', '/usr/lib/x'],
    ['/bin/sh', '/usr/bin/sh'],
    ['/out/passwd', '/etc/passwd'],
    ['/etc/self/self/x', '/etc/x'],
    ['/etc/up', '/usr/lib/f'],
    ['/../..', '/'],
    ['/no/../lib/f', '/usr/lib/f'],
    ['//etc//./x/', '/etc/x'],
    ['/dangling/x', '/missing/dir/x'],
    ['/missing/lib/x', '/missing/lib/x'],
  ])('%s is %s', (path, real) => {
    expect(resolvePath(tree, path, { followLast: true })).toEqual({ type: 'path', path: real });
  });

  test('the last part is only followed when asked', () => {
    expect(resolvePath(tree, '/lib', { followLast: false })).toEqual({ type: 'path', path: '/lib' });
    expect(resolvePath(tree, '/a', { followLast: false })).toEqual({ type: 'path', path: '/a' });
  });

  test('circles and files in the way', () => {
    expect(resolvePath(tree, '/a/x', { followLast: false })).toMatchObject({ type: 'loop' });
    expect(resolvePath(tree, '/lib/f/x', { followLast: false })).toEqual({
      type: 'not-a-directory',
      at: '/usr/lib/f',
    });
  });
});
