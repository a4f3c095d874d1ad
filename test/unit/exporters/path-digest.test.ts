import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOfPath } from '../../../src/exporters/path-digest.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

function makeTree(): string {
  const root = join(temporaryFolder(), 'tree');
  mkdirSync(join(root, 'folder/deep'), { recursive: true });
  writeFileSync(join(root, 'folder/deep/file'), 'text');
  writeFileSync(join(root, 'folder.txt'), 'more');
  symlinkSync('folder', join(root, 'link'));
  return root;
}

test('a folder is its listing: the same wherever it lies, links not followed', async () => {
  const [one, other] = [await digestOfPath(makeTree()), await digestOfPath(makeTree())];
  expect(one).toEqual(other);
  // Through the link `text` would count twice.
  expect(one.size).toBe(8);
});

test.each<[string, (root: string) => void]>([
  ['a byte of a file', (root) => writeFileSync(join(root, 'folder/deep/file'), 'tent')],
  ['a mode', (root) => chmodSync(join(root, 'folder'), 0o700)],
  ['a further link', (root) => symlinkSync('link', join(root, 'other'))],
  ['an empty folder', (root) => mkdirSync(join(root, 'folder/empty'))],
])('%s makes another digest', async (_, change) => {
  const root = makeTree();
  const before = await digestOfPath(root);
  change(root);
  expect((await digestOfPath(root)).sha256).not.toBe(before.sha256);
});

test('a stopped run ends', async () => {
  await expect(digestOfPath(makeTree(), AbortSignal.abort())).rejects.toMatchObject({
    failures: [{ reason: 'aborted' }],
  });
});
