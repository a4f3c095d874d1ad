import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

// Thread of file-digest.ts: hashes the file that `workerData` names and answers with its SHA-256.
const hash = createHash('sha256');
const buffer = Buffer.allocUnsafe(4 * 2 ** 20);
const file = openSync(String(workerData), 'r');
for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
  hash.update(buffer.subarray(0, read));
closeSync(file);
parentPort?.postMessage(hash.digest('hex'));
