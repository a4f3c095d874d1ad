import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Artifact } from '../../../../src/model/artifact.ts';
import type { PostContext } from '../../../../src/post-processors/post-processor.ts';
import type { UploadOptions } from '../../../../src/post-processors/upload.ts';
import { copyToFolder } from '../../../../src/post-processors/upload/folder.ts';
import { runHostCommand } from '../../../../src/util/exec.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

async function upload(path: string, to: string): Promise<void> {
  const artifact: Artifact = { builderId: 'test', id: 'test', files: [{ path, size: 0, sha256: '' }] };
  const context = {
    workspace: { spawn: runHostCommand },
    signal: new AbortController().signal,
    log: () => undefined,
    resolvePath: (name: string) => name,
    guard: () => undefined,
    placed: () => undefined,
    progress: () => undefined,
  } as unknown as PostContext;
  await copyToFolder({ to } as UploadOptions, artifact, context);
}

test('holes of a file are holes in the copy', async () => {
  const [from, to] = [join(temporaryFolder(), 'disk.raw'), temporaryFolder()];
  const file = openSync(from, 'w');
  ftruncateSync(file, 64 * 2 ** 20);
  writeSync(file, 'end', 64 * 2 ** 20 - 3);
  closeSync(file);
  await upload(from, to);
  const copy = statSync(join(to, 'disk.raw'));
  expect(copy.size).toBe(64 * 2 ** 20);
  expect(copy.blocks * 512).toBeLessThan(2 ** 20);
});

test('a folder takes the place of its last copy, and its files keep mode and time', async () => {
  const [from, to] = [join(temporaryFolder(), 'web.tree'), temporaryFolder()];
  mkdirSync(join(from, 'etc'), { recursive: true });
  writeFileSync(join(from, 'etc/shadow'), 'x', { mode: 0o640 });
  utimesSync(join(from, 'etc/shadow'), 1_700_000_000, 1_700_000_000);
  mkdirSync(join(to, 'web.tree'));
  writeFileSync(join(to, 'web.tree/old'), '');
  await upload(from, to);
  expect(readdirSync(to)).toEqual(['web.tree']);
  expect(readdirSync(join(to, 'web.tree'))).toEqual(['etc']);
  const copy = statSync(join(to, 'web.tree/etc/shadow'));
  expect(copy.mode & 0o7777).toBe(0o640);
  expect(copy.mtimeMs).toBe(1_700_000_000_000);
});
