import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ActionRecord } from '../../../src/cache/action-record.ts';
import { ActionStore } from '../../../src/cache/action-store.ts';
import { StoreLayout } from '../../../src/cache/store-layout.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const key = 'a'.repeat(64);
const record: ActionRecord = {
  key,
  node: 'p/step',
  inputs: { kind: 'step:shell', keyVersion: 1, options: {} },
  output: { type: 'layer', digest: `sha256:${'1'.repeat(64)}`, size: 1, entries: 1 },
  durationMs: 1,
  createdAt: '2026-01-01T00:00:00Z',
  bootId: 'boot',
};
const entry = { key, node: 'p/step', since: '2026-01-02T00:00:00Z', outputs: ['one', 'two'] } as const;

test('a key in quarantine is served to nobody, and no record brings it back', () => {
  const layout = new StoreLayout(temporaryFolder());
  const store = new ActionStore(layout, '/p');
  store.put(record);
  expect(store.get(key)).toEqual(record);
  store.quarantine.add(entry);
  expect(store.get(key)).toBeUndefined();
  store.put(record);
  expect(store.get(key)).toBeUndefined();
  // Another process, later.
  const other = new ActionStore(layout, '/q');
  other.put(record);
  expect(other.get(key)).toBeUndefined();
  expect(other.quarantine.get(key)).toEqual(entry);
  expect(other.get('b'.repeat(64))).toBeUndefined();
});

test('a damaged entry still holds its key', () => {
  const layout = new StoreLayout(temporaryFolder());
  new ActionStore(layout, '/p').quarantine.add(entry);
  const folder = layout.folder('quarantine');
  truncateSync(join(folder, readdirSync(folder)[0] ?? ''), 0);
  const store = new ActionStore(layout, '/p');
  store.put(record);
  expect(store.get(key)).toBeUndefined();
});
