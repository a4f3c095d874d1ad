import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SnapshotStore } from '../../../src/layers/snapshot-store.ts';
import { asDigest, type Digest } from '../../../src/model/ids.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

async function keep(store: SnapshotStore, text: string, parent?: Digest): Promise<Digest> {
  const staged = await store.stage();
  writeFileSync(join(staged, 'disk'), text);
  const given = { builder: 'vm', ...(parent === undefined ? {} : { parent }) };
  return (await store.commit(staged, given)).digest;
}

test('a snapshot is named by its files, its parent and what it needs outside', async () => {
  const store = new SnapshotStore(temporaryFolder());
  const base = await keep(store, 'base');
  expect(await keep(store, 'base')).toBe(base);
  expect(await keep(store, 'other')).not.toBe(base);
  const child = await keep(store, 'base', base);
  expect(child).not.toBe(base);
  const staged = await store.stage();
  writeFileSync(join(staged, 'disk'), 'base');
  const external = await store.commit(staged, { builder: 'vm', external: { image: 'x' } });
  expect(external.digest).not.toBe(base);
  expect(store.chain(child)).toEqual([base, child]);
  expect(store.list().toSorted()).toEqual(
    [base, child, external.digest, await keep(store, 'other')].toSorted(),
  );
  expect(readdirSync(store.root).filter((name) => name.includes('tmp'))).toEqual([]);
  expect(statSync(join(store.folder(base), 'disk')).mode & 0o222).toBe(0);
});

test('one whose parent is gone is gone', async () => {
  const store = new SnapshotStore(temporaryFolder());
  const base = await keep(store, 'base');
  const child = await keep(store, 'child', base);
  expect(store.has(child)).toBe(true);
  await store.remove(base);
  expect(store.has(base)).toBe(false);
  expect(store.has(child)).toBe(false);
  expect(existsSync(store.folder(child))).toBe(true);
  expect(() => new SnapshotStore(join(store.root, '..')).chain(child)).toThrow(/no longer in the cache/);
});

test('damage is seen: in a file, in the record, in what is missing', async () => {
  const store = new SnapshotStore(temporaryFolder());
  const file = await keep(store, 'file');
  const record = await keep(store, 'record');
  const missing = await keep(store, 'missing');
  expect(await store.verify(file)).toBe('intact');
  await chmod(join(store.folder(file), 'disk'), 0o644);
  writeFileSync(join(store.folder(file), 'disk'), 'elif');
  writeFileSync(join(store.folder(record), 'info.json'), '{"format":1');
  await rm(join(store.folder(missing), 'disk'), { force: true });
  expect(await store.verify(file)).toBe('damaged');
  expect(await store.verify(record)).toBe('damaged');
  expect(await store.verify(missing)).toBe('damaged');
  expect(await store.verify(asDigest(`sha256:${'0'.repeat(64)}`))).toBe('missing');
});
