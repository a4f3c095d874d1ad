import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/exporters/disk/crc32c.ts';

const final = (data: Buffer): number => (crc32c(0xffffffff, data) ^ 0xffffffff) >>> 0;

/** The definition, bit by bit. */
function reference(crc: number, data: Buffer): number {
  let value = crc;
  for (const byte of data) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  }
  return value >>> 0;
}

describe('crc32c', () => {
  it.each([
    ['check value', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros (RFC 3720, B.4)', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones (RFC 3720, B.4)', Buffer.alloc(32, 0xff), 0x62a8ab43],
    [
      'rising bytes (RFC 3720, B.4)',
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      0x46dd794e,
    ],
  ])('knows the vector %s', (_, data, expected) => {
    expect(final(data)).toBe(expected);
  });

  it('agrees with the definition for any seed, length and alignment, in one go and in parts', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.nat(80),
        (bytes, seed, cut) => {
          const data = Buffer.from(bytes);
          const at = Math.min(cut, data.length);
          const expected = reference(seed, data);
          expect(crc32c(seed, data)).toBe(expected);
          expect(crc32c(crc32c(seed, data, 0, at), data, at)).toBe(expected);
        },
      ),
    );
  });
});
