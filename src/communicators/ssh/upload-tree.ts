import { createReadStream, readFileSync } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pack } from 'tar-stream';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { commandFailure, stopped, type TransferOptions } from './file-transfer.ts';
import { runCommand } from './run-command.ts';
import { uploadTreeBySftp } from './sftp-tree.ts';
import type { SshConnection } from './ssh-connection.ts';
import { walkTree } from './walk-tree.ts';

/** Exit code that says that the machine has no tar. */
const NO_TAR = 45;
/** Files up to this size are read at once. */
const SMALL = 2 ** 20;
/** Bytes that go out at once. */
const BLOCK = 2 ** 15;

/**
 * Copies what is in a host folder into a folder of the machine, which is made: permissions, times and symbolic links
 * as they are, owned by the user who logs in. One tar over one command, so that ten thousand small files take
 * seconds; by SFTP where the machine has no tar.
 * @throws FailureError `communicator-failed`, `disk-full`, `input-missing`, `aborted`
 */
export async function uploadTree(
  connection: SshConnection,
  source: string,
  target: string,
  options: TransferOptions,
): Promise<void> {
  const what = `the upload of ${source} to ${target}`;
  if (!(await stat(source).catch(() => undefined))?.isDirectory()) {
    throw new FailureError({ reason: 'input-missing', message: `${source} is not a folder` });
  }
  if (options.method === 'sftp') return await uploadTreeBySftp(connection, source, target, options);
  const { pack } = await import('./tar-stream-library.ts');
  const archive = pack();
  // -o: not the owners of this host. busybox, GNU and BSD tar all know these letters.
  const folder = shellQuote(target);
  const command = `export LC_ALL=C; command -v tar >/dev/null || exit ${NO_TAR}; mkdir -p ${folder} && exec tar -xpof - -C ${folder}`;
  const filled = fill(archive, source, options).then(
    () => undefined,
    (error: unknown) => {
      archive.destroy();
      return error;
    },
  );
  let said = '';
  const outcome = await runCommand(connection, {
    command,
    stdin: Readable.from(inBlocks(archive), { objectMode: false }),
    signal: options.signal,
    onOutput: ({ text }) => void (said += text),
  });
  // The other side may have ended first; what fills the archive must not wait for it for ever.
  archive.destroy();
  const problem = await filled;
  if (options.signal.aborted) throw stopped();
  if (outcome.type === 'disconnected') {
    if (connection.isOpen && problem !== undefined) throw readFailure(what, problem);
    throw connection.broken(what);
  }
  if (outcome.type === 'exited' && outcome.code === NO_TAR)
    return await uploadTreeBySftp(connection, source, target, options);
  if (outcome.type !== 'exited' || outcome.code !== 0)
    throw commandFailure(what, outcome, said, options.signal);
  if (problem !== undefined) throw readFailure(what, problem);
}

function readFailure(what: string, problem: unknown): FailureError {
  const message = problem instanceof Error ? problem.message : String(problem);
  return new FailureError({ reason: 'input-missing', message: `${what} failed: ${message}`, cause: problem });
}

/** An archive of small files comes in very small pieces, each of which would be a packet of its own. */
async function* inBlocks(archive: Pack): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of archive as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    size += piece.length;
    if (size < BLOCK) continue;
    yield Buffer.concat(pieces);
    [pieces, size] = [[], 0];
  }
  yield Buffer.concat(pieces);
}

async function fill(archive: Pack, source: string, options: TransferOptions): Promise<void> {
  let bytes = 0;
  const gone = new AbortController();
  archive.once('close', () => gone.abort());
  for await (const item of walkTree(source)) {
    if (gone.signal.aborted) return;
    const header = { name: item.path, mode: item.mode, mtime: item.mtime, uid: 0, gid: 0 };
    if (item.type === 'directory') await entry(archive, { ...header, type: 'directory' });
    else if (item.type === 'symlink')
      await entry(archive, { ...header, type: 'symlink', linkname: await readlink(item.source) });
    else if (item.size <= SMALL) {
      // Without a promise: for ten thousand files they are most of the time.
      const content = readFileSync(item.source);
      await entry(archive, { ...header, size: content.length }, content);
    } else {
      await pipeline(
        createReadStream(item.source, { end: item.size - 1 }),
        archive.entry({ ...header, size: item.size }),
        { signal: gone.signal },
      );
    }
    bytes += item.size;
    options.onProgress?.(bytes);
  }
  archive.finalize();
}

/** Adds an entry, and waits while the archive's reader is behind. */
async function entry(
  archive: Pack,
  header: Parameters<Pack['entry']>[0],
  content: Buffer = Buffer.alloc(0),
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null): void => {
      archive.removeListener('close', done);
      if (error instanceof Error) reject(error);
      else resolve();
    };
    archive.once('close', done);
    archive.entry(header, content, done);
  });
}
