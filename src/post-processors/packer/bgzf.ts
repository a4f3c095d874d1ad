import { Transform, type TransformCallback } from 'node:stream';
import { crc32, deflateRawSync } from 'node:zlib';

/** Largest piece of input that fits a block of 64 KiB, even when it cannot be compressed. */
const PIECE = 0xff00;
/** Header of a gzip member with the extra field `BC`, which holds the size of the block (SAM specification, 4.1). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0]);

/** Gzip in blocks that can be read by themselves. @param level 1 to 9, or -1 for zlib's own */
export function bgzf(level: number): Transform {
  let rest = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= PIECE) {
        this.push(blockOf(rest.subarray(0, PIECE), level));
        rest = rest.subarray(PIECE);
      }
      done();
    },
    flush(done) {
      if (rest.length > 0) this.push(blockOf(rest, level));
      // An empty block marks the end.
      this.push(blockOf(Buffer.alloc(0), -1));
      done();
    },
  });
}

function blockOf(piece: Buffer, level: number): Buffer {
  const body = deflateRawSync(piece, { level });
  const size = Buffer.alloc(2);
  size.writeUInt16LE(HEADER.length + 2 + body.length + 8 - 1);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(piece));
  tail.writeUInt32LE(piece.length, 4);
  return Buffer.concat([HEADER, size, body, tail]);
}
