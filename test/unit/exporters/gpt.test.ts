import { describe, expect, it } from 'vitest';
import { decodeGpt, encodeGpt, PARTITION_TYPES, SECTOR } from '../../../src/exporters/disk/gpt.ts';
import { derivedUuid, guidBytes, guidText } from '../../../src/exporters/disk/guid.ts';

const table = {
  diskUuid: '11111111-2222-8333-8444-555555555555',
  diskSectors: 20480,
  partitions: [
    {
      name: 'bios',
      type: PARTITION_TYPES.biosBoot,
      uuid: derivedUuid('seed', 'bios'),
      start: 2048,
      sectors: 2048,
    },
    {
      name: 'root',
      type: PARTITION_TYPES.rootAmd64,
      uuid: derivedUuid('seed', 'root'),
      start: 4096,
      sectors: 8192,
    },
  ],
};

function disk(): Buffer {
  const image = Buffer.alloc(table.diskSectors * SECTOR);
  for (const { offset, bytes } of encodeGpt(table)) bytes.copy(image, offset);
  return image;
}

describe('GPT', () => {
  it('reads back what it writes', () => {
    expect(decodeGpt(disk().subarray(0, 34 * SECTOR))).toEqual(table.partitions);
  });

  it('ends with a backup header that points at the first and the other way round', () => {
    const image = disk();
    const primary = image.subarray(SECTOR);
    const backup = image.subarray((table.diskSectors - 1) * SECTOR);
    expect(backup.toString('latin1', 0, 8)).toBe('EFI PART');
    expect([primary.readBigUInt64LE(24), primary.readBigUInt64LE(32)]).toEqual([1n, 20479n]);
    expect([backup.readBigUInt64LE(24), backup.readBigUInt64LE(32)]).toEqual([20479n, 1n]);
    expect(primary.readBigUInt64LE(48)).toBe(20446n);
    expect(image.readUInt16LE(510)).toBe(0xaa55);
    expect(image.readUInt8(450)).toBe(0xee);
  });

  it.each([SECTOR + 60, 2 * SECTOR + 40])('does not trust a table with a changed byte at %i', (at) => {
    const image = disk();
    image.writeUInt8(image.readUInt8(at) ^ 1, at);
    expect(decodeGpt(image.subarray(0, 34 * SECTOR))).toBeUndefined();
  });

  it('finds no table where there is none', () => {
    expect(decodeGpt(Buffer.alloc(34 * SECTOR))).toBeUndefined();
    expect(decodeGpt(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('GUIDs', () => {
  it('stores the first three fields little-endian', () => {
    expect(guidBytes(PARTITION_TYPES.esp).toString('hex')).toBe('28732ac11ff8d211ba4b00a0c93ec93b');
    expect(guidText(guidBytes(PARTITION_TYPES.esp))).toBe(PARTITION_TYPES.esp);
  });

  it('derives the same UUID from the same seed and name, another from others', () => {
    const uuid = derivedUuid('web', 'disk');
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(derivedUuid('web', 'disk')).toBe(uuid);
    const others = [derivedUuid('web', 'root'), derivedUuid('db', 'disk'), derivedUuid('we', 'bdisk')];
    expect(new Set([uuid, ...others]).size).toBe(4);
  });
});
