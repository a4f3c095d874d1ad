import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 1 << 20;
const chunk = Buffer.allocUnsafe(CHUNK);

/** SHA-256 of a file's content as hex. Synchronous: for worker threads. */
export function hashFileSync(path: Buffer, size: number): string {
  const file = openSync(path, 'r');
  try {
    if (size < CHUNK) return hash('sha256', chunk.subarray(0, readFully(file)), 'hex');
    const digest = createHash('sha256');
    for (let read = readFully(file); read > 0; read = readFully(file)) digest.update(chunk.subarray(0, read));
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
