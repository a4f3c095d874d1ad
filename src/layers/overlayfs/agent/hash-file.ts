import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 1 << 20;
const chunk = Buffer.allocUnsafe(CHUNK);

/** Sees a file's content while it is hashed. */
export interface ContentListener {
  readonly see: (bytes: Buffer) => void;
  /** Bytes at the end of a piece that are seen again at the start of the next. */
  readonly overlap: number;
}

/** SHA-256 of a file's content as hex. Synchronous: for worker threads. */
export function hashFileSync(path: Buffer, size: number, listener?: ContentListener): string {
  const file = openSync(path, 'r');
  try {
    if (size < CHUNK) {
      const bytes = chunk.subarray(0, readFully(file));
      listener?.see(bytes);
      return hash('sha256', bytes, 'hex');
    }
    const digest = createHash('sha256');
    let tail = Buffer.alloc(0);
    for (let read = readFully(file); read > 0; read = readFully(file)) {
      const bytes = chunk.subarray(0, read);
      digest.update(bytes);
      if (listener === undefined) continue;
      listener.see(Buffer.concat([tail, bytes.subarray(0, listener.overlap)]));
      listener.see(bytes);
      tail = Buffer.from(bytes.subarray(Math.max(0, read - listener.overlap)));
    }
    return digest.digest('hex');
  } finally {
    closeSync(file);
  }
}

/** Fills the chunk as far as the file goes on; bytes read. */
function readFully(file: number): number {
  let filled = 0;
  while (filled < CHUNK) {
    const read = readSync(file, chunk, filled, CHUNK - filled, null);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
