import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDiskPatch, writeDiskPatch } from '../../../src/cache/disk-patch.ts';
import { dropChangedDisks, readStampedData, stampDisk } from '../../../src/cache/disk-stamp.ts';
import { takeInventory } from '../../../src/cache/inventory.ts';
import { StoreLayout } from '../../../src/cache/store-layout.ts';
import { noteUse } from '../../../src/cache/usage.ts';
import { LayerStore } from '../../../src/layers/layer-store.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const KEY = 'a'.repeat(64);
const BASE = 'b'.repeat(64);

/** A store with one disk: a base and a patch. */
function storeWithDisk() {
  const root = temporaryFolder();
  const layout = new StoreLayout(root);
  mkdirSync(layout.folder('disks'));
  const basePath = layout.diskFile(BASE);
  const patchPath = layout.patchFile(KEY, BASE);
  const data = [{ start: 0, end: 8192 }];
  writeFileSync(basePath, Buffer.alloc(8192, 1));
  stampDisk(basePath, data);
  writeDiskPatch(patchPath, [{ offset: 4096, bytes: Buffer.alloc(4096, 7) }]);
  return { layout, layers: new LayerStore(root), basePath, patchPath, data };
}

describe('disk patches', () => {
  it('read back what was written', () => {
    const path = join(temporaryFolder(), 'x.patch');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 300 }))), (list) => {
        const runs = list.map(([offset, bytes]) => ({ offset, bytes: Buffer.from(bytes) }));
        writeDiskPatch(path, runs);
        expect(readDiskPatch(path)).toEqual(runs);
      }),
    );
  });

  it('that miss a byte, or have another one, are none', () => {
    const { patchPath } = storeWithDisk();
    const whole = readFileSync(patchPath);
    for (const at of [0, 10, 60, 100, 120, whole.length - 1]) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      for (const bytes of [changed, whole.subarray(0, at)]) {
        writeFileSync(patchPath, bytes);
        expect(readDiskPatch(patchPath)).toBeUndefined();
      }
    }
    expect(readDiskPatch(`${patchPath}.none`)).toBeUndefined();
  });

  it('are listed beside their bases, used with them, and dropped when damaged', async () => {
    const { layout, layers, basePath, patchPath, data } = storeWithDisk();
    for (const path of [`${basePath}.json`, patchPath]) utimesSync(path, 1000, 1000);
    const items = await takeInventory(layout, layers);
    expect(items.map(({ type, id, path, usedAt }) => ({ type, id, path, usedAt }))).toEqual([
      { type: 'disk', id: BASE, path: basePath, usedAt: 1_000_000 },
      { type: 'disk', id: KEY, path: patchPath, usedAt: 1_000_000 },
    ]);
    noteUse(layers, layout, [{ type: 'disk', diskKey: KEY, size: 8192 }], 5_000_000);
    for (const { usedAt } of await takeInventory(layout, layers)) expect(usedAt).toBe(5_000_000);
    expect(readStampedData(basePath)).toEqual(data);
    expect(dropChangedDisks(layout)).toEqual({ checked: 2, damaged: [], unproven: [] });
    writeFileSync(patchPath, 'x');
    expect(dropChangedDisks(layout)).toEqual({ checked: 2, damaged: [KEY], unproven: [] });
    expect(statSync(patchPath, { throwIfNoEntry: false })).toBeUndefined();
    expect(readStampedData(basePath)).toEqual(data);
  });
});
