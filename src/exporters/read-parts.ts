import type { ImageReader } from './disk-image.ts';
import { reading } from './reading.ts';
import type { FilePart } from './write-image.ts';

const CHUNK = 2 ** 20;
const ZEROS = Buffer.alloc(CHUNK);

/** The bytes of a file's parts, one after the other. What it yields is good until the next is asked for. */
export async function* readParts(reader: ImageReader, parts: readonly FilePart[]): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (const part of parts) {
    if (part.type === 'bytes') yield part.bytes;
    else if (part.type === 'zeros') {
      for (let left = part.length; left > 0; left -= CHUNK) yield ZEROS.subarray(0, left);
    } else {
      for (let at = part.start; at < part.end; at += CHUNK) {
        const bytes = buffer.subarray(0, part.end - at);
        await reading(() => reader.read(bytes, at));
        yield bytes;
      }
    }
  }
}
