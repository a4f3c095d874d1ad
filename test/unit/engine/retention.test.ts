import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepVersions, type ExportVersion } from '../../../src/engine/retention.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

/** Writes the files of a version as a build does, and then keeps the folder in order. */
function build(folder: string, ...versions: readonly ExportVersion[]): string[] {
  for (const { files } of versions) for (const file of files) writeFileSync(join(folder, file), file);
  keepVersions(folder, versions);
  return readdirSync(folder).filter((name) => !name.startsWith('.'));
}

const version = (name: string, keep = 2): ExportVersion => ({
  export: 'raw',
  files: [`${name}.raw`, `${name}.raw.sha256`],
  keep,
});

test('the oldest versions go, with what belongs to them', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'mine.raw'), 'mine');
  build(folder, version('a'));
  build(folder, version('b'));
  expect(build(folder, version('c'))).toEqual(['b.raw', 'b.raw.sha256', 'c.raw', 'c.raw.sha256', 'mine.raw']);
  // A version that comes back is the newest.
  build(folder, version('b'));
  expect(build(folder, version('d'))).toEqual(['b.raw', 'b.raw.sha256', 'd.raw', 'd.raw.sha256', 'mine.raw']);
});

test('a file that another export has now is not deleted', () => {
  const folder = temporaryFolder();
  build(folder, version('a', 1));
  const names = build(folder, version('b', 1), { export: 'other', files: ['a.raw'] });
  expect(names).toEqual(['a.raw', 'b.raw', 'b.raw.sha256']);
});

test('a build of a part of the exports forgets nothing of the others', () => {
  const folder = temporaryFolder();
  const other = (name: string): ExportVersion => ({ export: 'iso', files: [`${name}.iso`], keep: 1 });
  build(folder, version('a', 1), other('a'));
  build(folder, { ...version('a', 1), files: ['a.raw'] });
  expect(build(folder, version('b', 1), other('b'))).toEqual(['b.iso', 'b.raw', 'b.raw.sha256']);
});

test('without a readable history nothing is deleted, and no name in it leads out of the folder', () => {
  const folder = temporaryFolder();
  const outside = temporaryFolder();
  writeFileSync(join(outside, 'x'), 'x');
  build(folder, version('a', 1));
  writeFileSync(join(folder, '.imgpipe-history.json'), 'broken');
  expect(build(folder, version('b', 1))).toContain('a.raw');
  const evil = { version: 1, exports: { raw: [[`../${outside.split('/').at(-1)}/x`]] } };
  writeFileSync(join(folder, '.imgpipe-history.json'), JSON.stringify(evil));
  build(folder, version('c', 1));
  expect(readdirSync(outside)).toEqual(['x']);
});

test('the link leads to the newest file', () => {
  const folder = temporaryFolder();
  for (const name of ['a', 'b']) {
    build(folder, { export: 'raw', files: [`${name}.raw`], latest: 'web-latest.raw' });
    expect(readlinkSync(join(folder, 'web-latest.raw'))).toBe(`${name}.raw`);
  }
});
