import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { isRacy, StatCache } from '../../../src/cache/stat-cache.ts';
import type { HostInput } from '../../../src/model/host-input.ts';
import { inputDigests } from '../../../src/plan/definition.ts';
import { InputHasher } from '../../../src/plan/input-digest.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

vi.mock('node:fs', { spy: true });

let api: XXHashAPI;
beforeAll(async () => {
  api = await xxhash();
});

const ORIGIN = { file: 'pipeline.yaml', line: 3, column: 5 };
const hasher = (cacheFile: string): InputHasher => new InputHasher(new StatCache(cacheFile), api);
const fresh = (): InputHasher => hasher(join(temporaryFolder(), 'stat.json'));
const file = (path: string): HostInput => ({ path, type: 'file', option: 'source' });
const tree = (path: string, more: Partial<HostInput> = {}): HostInput => ({
  path,
  type: 'tree',
  option: 'source',
  ...more,
});

function sampleTree(): string {
  const root = temporaryFolder();
  mkdirSync(join(root, 'b'));
  writeFileSync(join(root, 'a.txt'), 'one');
  writeFileSync(join(root, 'b', 'c.sh'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('a.txt', join(root, 'link'));
  return root;
}

test('depends on content, paths, links and executable bits', () => {
  const base = fresh().digest(tree(sampleTree()), ORIGIN);
  const change = (body: (root: string) => void): string => {
    const root = sampleTree();
    body(root);
    return fresh().digest(tree(root), ORIGIN);
  };
  expect(change(() => undefined)).toBe(base);
  const changed = [
    change((root) => writeFileSync(join(root, 'a.txt'), 'two')),
    change((root) => renameSync(join(root, 'a.txt'), join(root, 'z.txt'))),
    change((root) => chmodSync(join(root, 'a.txt'), 0o755)),
    change((root) => mkdirSync(join(root, 'empty'))),
    change((root) => {
      rmSync(join(root, 'link'));
      symlinkSync('b', join(root, 'link'));
    }),
  ];
  expect(new Set([base, ...changed]).size).toBe(changed.length + 1);
});

test('does not depend on times, the umask or where the tree lies', () => {
  const root = sampleTree();
  const copy = join(temporaryFolder(), 'elsewhere');
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
  chmodSync(join(copy, 'a.txt'), 0o600);
  utimesSync(join(copy, 'a.txt'), 1, 1);
  expect(fresh().digest(tree(copy), ORIGIN)).toBe(fresh().digest(tree(root), ORIGIN));
});

test('a reader that sees through links depends on what they lead to, wherever that lies', () => {
  const root = sampleTree();
  const outside = join(temporaryFolder(), 'outside');
  mkdirSync(join(outside, 'deep'), { recursive: true });
  symlinkSync(join(outside, 'deep'), join(root, 'folder'));
  symlinkSync('nowhere', join(root, 'dangling'));
  symlinkSync('.', join(root, 'loop'));
  const [kept, followed] = [tree(root), tree(root, { links: 'followed' })];
  const before = [fresh().digest(kept, ORIGIN), fresh().digest(followed, ORIGIN)];
  writeFileSync(join(outside, 'deep', 'new'), 'x');
  expect(fresh().digest(kept, ORIGIN)).toBe(before[0]);
  expect(fresh().digest(followed, ORIGIN)).not.toBe(before[1]);
});

test('a glob depends on the names and the content of what it finds', () => {
  const root = sampleTree();
  const glob: HostInput = { path: root, type: 'glob', pattern: '*.txt', option: 'files' };
  const digest = (): string => fresh().digest(glob, ORIGIN);
  const before = digest();
  writeFileSync(join(root, 'other.cfg'), 'x');
  expect(digest()).toBe(before);
  writeFileSync(join(root, 'b.txt'), 'two');
  const added = digest();
  renameSync(join(root, 'b.txt'), join(root, 'c.txt'));
  const renamed = digest();
  writeFileSync(join(root, 'c.txt'), 'three');
  expect(new Set([before, added, renamed, digest()]).size).toBe(4);
});

test('every permission bit counts for a reader that sees the file itself, its name for one that is told it', () => {
  const root = sampleTree();
  const all = tree(root, { modes: 'all' });
  const named: HostInput = { ...file(join(root, 'a.txt')), named: true };
  const before = [fresh().digest(all, ORIGIN), fresh().digest(named, ORIGIN)];
  chmodSync(join(root, 'a.txt'), 0o600);
  const private_ = fresh().digest(all, ORIGIN);
  chmodSync(join(root, 'b'), 0o700);
  expect(new Set([before[0], private_, fresh().digest(all, ORIGIN)]).size).toBe(3);
  renameSync(join(root, 'a.txt'), join(root, 'd.txt'));
  expect(fresh().digest({ ...named, path: join(root, 'd.txt') }, ORIGIN)).not.toBe(before[1]);
});

test('a named pipe is not read', () => {
  const root = sampleTree();
  const before = fresh().digest(tree(root), ORIGIN);
  execFileSync('mkfifo', [join(root, 'pipe')]);
  expect(fresh().digest(tree(root), ORIGIN)).not.toBe(before);
  expect(() => fresh().digest(file(join(root, 'pipe')), ORIGIN)).toThrow(/neither a file nor a folder/);
});

test('two inputs of one option are both in the key', () => {
  const root = sampleTree();
  const inputs: HostInput[] = [file(join(root, 'a.txt')), file(join(root, 'b', 'c.sh'))];
  expect(Object.keys(inputDigests(inputs, ORIGIN, fresh()) ?? {})).toEqual(['source', 'source#2']);
});

test('where a file system keeps whole seconds, times are trusted only after some of them', () => {
  const second = 1_000_000_000n;
  expect(isRacy(5n * second, 6n * second)).toBe(true);
  expect(isRacy(5n * second, 8n * second)).toBe(false);
  expect(isRacy(5n * second + 1n, 6n * second)).toBe(false);
  expect(isRacy(6n * second - 1n, 6n * second)).toBe(true);
  // The clock was set back since.
  expect(isRacy(9n * second + 1n, 6n * second)).toBe(true);
});

test('excluded files do not count', () => {
  const root = sampleTree();
  const options = { exclude: ['**/*.swp', 'tmp/**', 'tmp'] };
  const before = fresh().digest(tree(root, options), ORIGIN);
  writeFileSync(join(root, 'b', '.c.sh.swp'), 'x');
  mkdirSync(join(root, 'tmp'));
  writeFileSync(join(root, 'tmp', 'x'), 'x');
  expect(fresh().digest(tree(root, options), ORIGIN)).toBe(before);
});

test('a warm cache reads no content, and notices a change of the same size', async () => {
  const root = sampleTree();
  const cacheFile = join(temporaryFolder(), 'stat.json');
  await new Promise((done) => setTimeout(done, 80));
  const cold = new StatCache(cacheFile);
  const first = new InputHasher(cold, api);
  const digests = [first.digest(tree(root), ORIGIN), first.digest(file(join(root, 'a.txt')), ORIGIN)];
  cold.save();

  vi.mocked(readFileSync).mockClear();
  const warm = hasher(cacheFile);
  expect([warm.digest(tree(root), ORIGIN), warm.digest(file(join(root, 'a.txt')), ORIGIN)]).toEqual(digests);
  const read = vi.mocked(readFileSync).mock.calls.map(([path]) => String(path));
  expect(read.filter((path) => path.startsWith(root))).toEqual([]);

  writeFileSync(join(root, 'a.txt'), 'two');
  expect(hasher(cacheFile).digest(tree(root), ORIGIN)).not.toBe(digests[0]);
});

test('a file changed just now is not trusted to its times', () => {
  const root = sampleTree();
  const cacheFile = join(temporaryFolder(), 'stat.json');
  const cache = new StatCache(cacheFile);
  new InputHasher(cache, api).digest(file(join(root, 'a.txt')), ORIGIN);
  cache.save();
  vi.mocked(readFileSync).mockClear();
  hasher(cacheFile).digest(file(join(root, 'a.txt')), ORIGIN);
  expect(vi.mocked(readFileSync).mock.calls.map(([path]) => path)).toContain(join(root, 'a.txt'));
});

test('a missing input names the option, the path and the place', () => {
  const path = join(temporaryFolder(), 'nope');
  expect(() => fresh().digest(file(path), ORIGIN)).toThrowError(
    expect.objectContaining({
      failures: [
        expect.objectContaining({
          reason: 'input-missing',
          message: `source: ${path} does not exist`,
          origin: ORIGIN,
        }),
      ],
    }),
  );
});

test('names and link targets that no text can hold are refused, never read as another name', () => {
  const named = sampleTree();
  writeFileSync(Buffer.concat([Buffer.from(`${named}/caf`), Buffer.from([0xe9])]), 'x');
  expect(() => fresh().digest(tree(named), ORIGIN)).toThrow('holds a name that is not UTF-8');
  const linked = sampleTree();
  symlinkSync(Buffer.from([0xe9]), join(linked, 'odd'));
  expect(() => fresh().digest(tree(linked), ORIGIN)).toThrow('holds a name that is not UTF-8');
  const fine = sampleTree();
  writeFileSync(join(fine, 'caf\u00e9 \ufffd'), 'x');
  symlinkSync('caf\u00e9 \ufffd', join(fine, 'odd'));
  expect(fresh().digest(tree(fine), ORIGIN)).toMatch(/^[0-9a-f]{64}$/);
});
