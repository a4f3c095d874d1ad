import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { folderMistake } from '../../../src/exporters/writable-folder.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'imgpipe-writable-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('a folder that is there, or can be made, is right', () => {
  const top = folder();
  mkdirSync(join(top, 'real'));
  symlinkSync('real', join(top, 'link'));
  for (const path of ['', 'a', 'a/b/c', 'link', 'link/a'])
    expect(folderMistake(join(top, path)), path).toBeUndefined();
});

test.each([
  ['file', 'a part of the path is a file'],
  ['file/a/b', 'a part of the path is a file'],
  ['nothing', 'a link to nothing'],
  ['nothing/a', 'a link to nothing'],
])('%s in the way is told', (path, text) => {
  const top = folder();
  writeFileSync(join(top, 'file'), '');
  symlinkSync('gone', join(top, 'nothing'));
  const full = join(top, path);
  expect(folderMistake(full)).toMatchObject({
    reason: 'permission-denied',
    message: expect.stringContaining(text) as string,
  });
  expect(folderMistake(full)?.message).toContain(full);
});

test('what the user may not write, also where it is a folder above, is told', () => {
  const top = folder();
  chmodSync(top, 0o555);
  const module = new URL('../../../src/exporters/writable-folder.ts', import.meta.url).href;
  const script = `
    const { folderMistake } = await import(${JSON.stringify(module)});
    if (process.getuid() === 0) process.setuid(65534);
    console.log(JSON.stringify(['', '/a/b'].map((end) => folderMistake(${JSON.stringify(top)} + end))));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(JSON.parse(out)).toMatchObject([
    { reason: 'permission-denied', message: expect.stringContaining('cannot be written') as string },
    { reason: 'permission-denied', message: expect.stringContaining('/a/b') as string },
  ]);
});
