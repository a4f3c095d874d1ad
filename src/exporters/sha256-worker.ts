import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashAnswer, HashJob, HashRequest } from './hash-thread.ts';

// Thread of file-digest.ts and hash-thread.ts; the messages are described there.
const job = workerData as HashJob;
const hash = createHash('sha256');
const answer = (message: HashAnswer): void => parentPort?.postMessage(message);

if (job.type === 'file') {
  const buffer = Buffer.allocUnsafe(4 * 2 ** 20);
  const file = openSync(job.path, 'r');
  for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
    hash.update(buffer.subarray(0, read));
  closeSync(file);
  answer({ type: 'digest', sha256: hash.digest('hex') });
} else {
  const memory = Buffer.from(job.memory);
  const zeros = Buffer.alloc(2 ** 20);
  parentPort?.on('message', (request: HashRequest) => {
    if (request.type === 'bytes') {
      hash.update(memory.subarray(request.start, request.end));
      answer({ type: 'hashed', slot: request.slot });
    } else if (request.type === 'zeros') {
      for (let left = request.length; left > 0; left -= zeros.length)
        hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
    } else {
      answer({ type: 'digest', sha256: hash.digest('hex') });
      parentPort?.close();
    }
  });
}
