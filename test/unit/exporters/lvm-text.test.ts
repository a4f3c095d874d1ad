import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeVolumeGroup,
  decodeArea,
  decodeLabel,
  lvmChecksum,
} from '../../../src/exporters/disk/lvm-area.ts';
import { lvmMetadata } from '../../../src/exporters/disk/lvm-metadata.ts';
import { parseLvmText } from '../../../src/exporters/disk/lvm-text.ts';
import { derivedLvmId } from '../../../src/exporters/disk/guid.ts';
import { GroupPlan } from '../../../src/exporters/disk/volume-group.ts';
import { mapperPath } from '../../../src/model/logical-volumes.ts';

const MIB = 2 ** 20;
/** Sectors of a mebibyte, and of an extent. */
const UNIT = 2048;
const EXTENT = 4 * UNIT;

describe("LVM's text form", () => {
  it('is read with comments, escapes, lists and names of any sort', () => {
    const text =
      'vg-0 {\n# note }\nid = "a\\"b" # more\n7 = -3\nlist = ["pv0", 12]\nempty = []\nin { x.y+z = 1 }\n}\nversion = 1';
    expect(parseLvmText(text)).toEqual({
      'vg-0': { id: 'a"b', 7: -3, list: ['pv0', 12], empty: [], in: { 'x.y+z': 1 } },
      version: 1,
    });
  });

  it.each(['a {', 'a = ', 'a = b', '}', 'a = [1', 'a = "x', 'a ?', 'a { } }', '= 1'])(
    'is refused: %s',
    (text) => {
      expect(parseLvmText(text)).toBeUndefined();
    },
  );
});

describe('a volume group', () => {
  it('has the identifiers, names and checksums of LVM', () => {
    expect(derivedLvmId('seed', 'lvm/group')).toMatch(/^\w{6}(-\w{4}){5}-\w{6}$/);
    expect(derivedLvmId('seed', 'lvm/group')).not.toBe(derivedLvmId('other', 'lvm/group'));
    expect(mapperPath('my-group', 'var-log')).toBe('/dev/mapper/my--group-var--log');
    // Of a physical volume that pvcreate made: what its label's checksum is of, but for the zeros at its end.
    const label = Buffer.alloc(512 - 20);
    Buffer.from(
      '200000004c564d322030303154684753' +
        '6e6e786743784b57777a546432533554' +
        '5a483132664139415641434c00000004' +
        '00000000000010000000000000000000' +
        '00000000000000000000000000000000' +
        '00000000001000000000000000f00f0000000000' +
        '00000000000000000000000000000000' +
        '0200000001000000',
      'hex',
    ).copy(label);
    expect(lvmChecksum(label)).toBe(0x4486dfd0);
  });

  it('has all its volumes in whole extents, one after another, inside its partition', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 * MIB }), { maxLength: 12 });
    const free = fc.integer({ min: 0, max: 100 * MIB });
    fc.assert(
      fc.property(
        sizes,
        free,
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 0, max: 7 }),
        (bytes, kept, start, odd) => {
          const plan = new GroupPlan('seed', { group: 'vg', free: kept }, start * UNIT);
          bytes.forEach((size, index) => plan.place(`v${index}`, size));
          const end = plan.endWith(5 * MIB) / 512 + odd * UNIT;
          plan.placeLast('root', end);
          const partition = {
            name: 'lvm',
            type: '',
            uuid: '',
            start: start * UNIT,
            sectors: end - start * UNIT,
          };
          const group = plan.finish(partition);
          let next = (start + 1) * UNIT;
          group.volumes.forEach((volume, index) => {
            expect(volume.start).toBe(next);
            expect(volume.sectors % EXTENT).toBe(0);
            expect(volume.sectors * 512).toBeGreaterThanOrEqual(bytes[index] ?? 5 * MIB);
            next += volume.sectors;
          });
          const last = group.dataStart + group.extents * EXTENT;
          expect(last).toBeLessThanOrEqual(end);
          // What is left is what was asked for, and less than an extent more.
          expect((last - next) * 512).toBeGreaterThanOrEqual(kept);
          expect((last - next) * 512).toBeLessThan(kept + EXTENT * 512);
          const text = lvmMetadata(group, 1);
          expect(parseLvmText(text)).toMatchObject({
            vg: { id: group.id, physical_volumes: { pv0: { pe_start: UNIT, pe_count: group.extents } } },
          });
          const { offset, bytes: written } = encodeVolumeGroup(group, 1);
          expect(offset).toBe(start * MIB);
          expect(decodeLabel(written.subarray(0, 2048))).toMatchObject({
            id: group.physicalId,
            area: { offset: 4096 },
          });
          const area = decodeArea(written.subarray(4096, 4608));
          expect(area).toEqual({
            offset: 512,
            size: text.length + 1,
            checksum: lvmChecksum(written.subarray(4608)),
          });
        },
      ),
    );
  });
});
