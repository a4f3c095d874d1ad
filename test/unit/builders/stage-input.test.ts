import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stageInput } from '../../../src/builders/stage-input.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const TIME = 1_700_000_000;

test('a folder comes with names, modes, links and bytes, and nothing else that differs between two checkouts', async () => {
  const root = temporaryFolder();
  const source = join(root, 'source');
  mkdirSync(join(source, 'sub/deep'), { recursive: true });
  writeFileSync(join(source, 'sub/run'), 'x', { mode: 0o755 });
  writeFileSync(join(source, 'sub/deep/f'), 'deep');
  writeFileSync(join(source, 'skip.log'), 'not declared');
  symlinkSync('/nowhere', join(source, 'link'));
  chmodSync(join(source, 'sub/deep'), 0o555);
  if (process.geteuid?.() === 0) chownSync(join(source, 'sub/run'), 1234, 1234);
  execFileSync('mkfifo', [join(source, 'pipe')]);
  const server = createServer();
  await new Promise<void>((done) => server.listen(join(source, 'socket'), done));
  onTestFinished(() => void server.close());

  const target = join(root, 'target');
  await stageInput(source, target, { time: TIME, exclude: ['*.log'] });
  expect(readdirSync(target, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual([
    'link',
    'sub',
    'sub/deep',
    'sub/deep/f',
    'sub/run',
  ]);
  expect(readlinkSync(join(target, 'link'))).toBe('/nowhere');
  expect(readFileSync(join(target, 'sub/deep/f'), 'utf8')).toBe('deep');
  const shown = ['.', 'link', 'sub', 'sub/deep', 'sub/deep/f', 'sub/run'].map((path) =>
    lstatSync(join(target, path)),
  );
  expect(new Set(shown.map(({ mtimeMs }) => mtimeMs / 1000))).toEqual(new Set([TIME]));
  expect(new Set(shown.map(({ uid }) => uid))).toEqual(new Set([process.geteuid?.()]));
  expect(lstatSync(join(target, 'sub/deep')).mode & 0o7777).toBe(0o555);
  expect(lstatSync(join(target, 'sub/run')).mode & 0o7777).toBe(0o755);
});

test('a file, also behind a link', async () => {
  const root = temporaryFolder();
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'file'), 'text', { mode: 0o640 });
  symlinkSync('file', join(root, 'link'));
  await stageInput(join(root, 'link'), join(root, 'copy'), { time: TIME });
  const copy = lstatSync(join(root, 'copy'));
  expect([copy.isFile(), copy.mode & 0o7777, copy.mtimeMs]).toEqual([true, 0o640, TIME * 1000]);
});

test('what is not there is told', async () => {
  await expect(stageInput('/nonexistent/x', '/nonexistent/y', { time: TIME })).rejects.toMatchObject({
    failures: [
      {
        reason: 'input-missing',
        message: expect.stringContaining('/nonexistent/x does not exist') as string,
      },
    ],
  });
});
