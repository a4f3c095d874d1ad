import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashAnswer, HashJob, HashRequest } from './hash-thread.ts';
import { digestOfBytes, digestOfTree } from './tree-digest.ts';

// Thread of file-digest.ts, path-digest.ts and hash-thread.ts; the messages are described there.
const job = workerData as HashJob;
const answer = (message: HashAnswer): void => parentPort?.postMessage(message);

if (job.type === 'file') answer({ type: 'digest', ...digestOfBytes(job.path) });
else if (job.type === 'tree') answer({ type: 'digest', ...digestOfTree(job.path) });
else {
  const hash = createHash('sha256');
  const memory = Buffer.from(job.memory);
  const zeros = Buffer.alloc(2 ** 20);
  let size = 0;
  parentPort?.on('message', (request: HashRequest) => {
    if (request.type === 'bytes') {
      hash.update(memory.subarray(request.start, request.end));
      size += request.end - request.start;
      answer({ type: 'hashed', slot: request.slot });
    } else if (request.type === 'zeros') {
      for (let left = request.length; left > 0; left -= zeros.length)
        hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
      size += request.length;
    } else {
      answer({ type: 'digest', sha256: hash.digest('hex'), size });
      parentPort?.close();
    }
  });
}
