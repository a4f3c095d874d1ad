import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { dropChangedDisks, readStampedData, stampDisk } from '../../../src/cache/disk-stamp.ts';
import { StoreLayout } from '../../../src/cache/store-layout.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const KEY = 'd'.repeat(64);
let layout: StoreLayout;
let disk: string;

beforeEach(() => {
  layout = new StoreLayout(temporaryFolder());
  mkdirSync(layout.folder('disks'), { recursive: true });
  disk = layout.diskFile(KEY);
  writeFileSync(disk, 'raw disk');
  stampDisk(disk, [{ start: 0, end: 4096 }]);
});

test('a disk that nobody touched stays', () => {
  expect(dropChangedDisks(layout)).toEqual({ checked: 1, damaged: [], unproven: [] });
  expect(readStampedData(disk)).toEqual([{ start: 0, end: 4096 }]);
});

test.each([
  ['other bytes', () => writeFileSync(disk, 'raw dusk')],
  ['another length', () => writeFileSync(disk, 'raw disk, and more')],
  ['other times', () => utimesSync(disk, 1, 1)],
])('the same file with %s is damaged', (_what, touch) => {
  touch();
  expect(dropChangedDisks(layout)).toEqual({ checked: 1, damaged: [KEY], unproven: [] });
  expect(readStampedData(disk)).toBeUndefined();
});

test.each([
  [
    'a copy of the file',
    () => {
      copyFileSync(disk, `${disk}.copy`);
      renameSync(`${disk}.copy`, disk);
    },
  ],
  ['the file of another boot', () => restamp({ bootId: 'another' })],
  ['a file without a stamp', () => rmSync(`${disk}.json`)],
  ['a file with half a stamp', () => writeFileSync(`${disk}.json`, '{"bootId":')],
])('%s is dropped, as nothing proves it, but not called damaged', (_what, replace) => {
  replace();
  expect(readStampedData(disk)).toBeUndefined();
  expect(dropChangedDisks(layout)).toEqual({ checked: 1, damaged: [], unproven: [KEY] });
  expect(dropChangedDisks(layout)).toEqual({ checked: 0, damaged: [], unproven: [] });
});

function restamp(change: object): void {
  const stamp = JSON.parse(readFileSync(`${disk}.json`, 'utf8')) as object;
  writeFileSync(`${disk}.json`, JSON.stringify({ ...stamp, ...change }));
}
