import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SFTPWrapper } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { runCommand, type SshRunOutcome } from './run-command.ts';
import type { SshConnection } from './ssh-connection.ts';

export interface TransferOptions {
  readonly signal: AbortSignal;
  /** `sftp`: nothing else. `any` (default): SFTP, and a stream over a command where the server has no SFTP. */
  readonly method?: 'sftp' | 'any';
  /** Bytes done so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** What becomes a file on the machine: a file of the host, or the bytes themselves. */
export type UploadSource = { readonly path: string } | { readonly content: string | Buffer };

/**
 * Writes one file on the machine; its folder must exist.
 * @param mode permission bits it has afterwards; when left out, what the server gives to new files
 * @throws FailureError `communicator-failed`, `disk-full`, `aborted`
 */
export async function uploadFile(
  connection: SshConnection,
  source: UploadSource,
  target: string,
  options: TransferOptions & { readonly mode?: number },
): Promise<void> {
  const sftp = await chooseSftp(connection, options);
  const what = `the upload of ${target}`;
  if (sftp === undefined) {
    const chmod = options.mode === undefined ? '' : ` && chmod ${octal(options.mode)} ${shellQuote(target)}`;
    // Opened before anything is written, so that a secret is never readable by others.
    const mask = options.mode === undefined ? '' : 'umask 077; ';
    const stdin =
      'path' in source ? createReadStream(source.path) : Readable.from([Buffer.from(source.content)]);
    return await streamCommand(
      connection,
      `export LC_ALL=C; ${mask}cat >${shellQuote(target)}${chmod}`,
      stdin,
      what,
      options,
    );
  }
  await transfer(connection, sftp, { what, path: target, options }, (done) => {
    const { mode } = options;
    const content = 'content' in source ? source.content : statSync(source.path).size === 0 ? '' : undefined;
    // fastPut leaves the mode of an empty file alone.
    if (content !== undefined || !('path' in source)) {
      // The mode at creation already, so that a secret is never readable by others; again for a file that was there.
      sftp.writeFile(target, content ?? '', mode === undefined ? {} : { mode }, (error) => {
        if (isError(error) || mode === undefined) done(error);
        else sftp.chmod(target, mode, done);
      });
    } else {
      const step = (bytes: number): void => options.onProgress?.(bytes);
      sftp.fastPut(source.path, target, { step, ...(mode !== undefined && { mode }) }, done);
    }
  });
}

/**
 * Copies one file of the machine to the host; what came of a broken transfer is deleted.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function downloadFile(
  connection: SshConnection,
  source: string,
  target: string,
  options: TransferOptions,
): Promise<void> {
  const sftp = await chooseSftp(connection, options);
  const what = `the download of ${source}`;
  try {
    if (sftp === undefined) return await downloadByCommand(connection, source, target, what, options);
    await transfer(connection, sftp, { what, path: source, options }, (done) =>
      sftp.fastGet(source, target, { step: (bytes) => options.onProgress?.(bytes) }, done),
    );
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

/** Content of a file of the machine, or undefined when it has none of that name. */
export async function readRemoteFile(
  connection: SshConnection,
  path: string,
  options: TransferOptions,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  const quoted = shellQuote(path);
  const command = `if [ -e ${quoted} ]; then cat ${quoted}; else exit 44; fi`;
  const stderr: string[] = [];
  const outcome = await connection.open(
    command,
    (channel) => {
      channel.end();
      channel.on('data', (bytes: Buffer) => chunks.push(bytes));
      channel.stderr.on('data', (bytes: Buffer) => stderr.push(bytes.toString()));
      return { code: exitOf(channel) };
    },
    options,
  );
  const code = await connection.whileOpen(outcome.code, `reading ${path}`, options.signal);
  if (code === 0) return Buffer.concat(chunks);
  if (code === 44) return undefined;
  throw commandFailure(
    `reading ${path}`,
    { type: 'exited', code: code ?? 255 },
    stderr.join(''),
    options.signal,
  );
}

async function chooseSftp(
  connection: SshConnection,
  { method, signal }: TransferOptions,
): Promise<SFTPWrapper | undefined> {
  if (signal.aborted) throw stopped();
  const sftp = await connection.sftp(signal);
  if (sftp !== undefined || method !== 'sftp') return sftp;
  throw new FailureError({
    reason: 'communicator-failed',
    message: `SSH: ${connection.name} has no SFTP`,
    hint: "leave `ssh_file_transfer_method` out, or turn on the server's `Subsystem sftp`",
  });
}

type Done = (error?: Error | null) => void;

/** Runs one operation of SFTP; abort ends the SFTP channel, the only way to stop one. */
async function transfer(
  connection: SshConnection,
  sftp: SFTPWrapper,
  about: { readonly what: string; readonly path: string; readonly options: TransferOptions },
  start: (done: Done) => void,
): Promise<void> {
  const { signal } = about.options;
  let stop = (): void => undefined;
  try {
    const work = new Promise<void>((resolve, reject) => {
      stop = () => {
        sftp.end();
        reject(stopped());
      };
      signal.addEventListener('abort', stop, { once: true });
      sftp.once('close', () => reject(new Error('the SFTP channel was closed')));
      start((error) => (isError(error) ? reject(error) : resolve()));
    });
    await connection.whileOpen(work, about.what, signal);
  } catch (error) {
    if (signal.aborted) throw stopped();
    if (error instanceof FailureError) throw error;
    if (!connection.isOpen) throw connection.broken(about.what);
    if (await isFull(connection, sftp, about.path)) throw diskFull(about.what);
    const message = error instanceof Error ? error.message : String(error);
    throw new FailureError({
      reason: 'communicator-failed',
      message: `SSH: ${about.what} failed: ${message}`,
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const isError = (error: Error | null | undefined): error is Error => error instanceof Error;

/** SFTP has no word for a full disk (draft-ietf-secsh-filexfer-02 §7: `Failure`): the file system is asked. */
function isFull(connection: SshConnection, sftp: SFTPWrapper, path: string): Promise<boolean> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1) || '.';
  const asked = new Promise<boolean>((resolve) => {
    try {
      sftp.ext_openssh_statvfs(folder, (error: Error | undefined, info: unknown) => {
        const { f_bavail: available = 1 } = (isError(error) ? {} : info) as { f_bavail?: number };
        resolve(available === 0);
      });
    } catch {
      // A server without that extension.
      resolve(false);
    }
  });
  return connection.whileOpen(asked, 'asking for free space').catch(() => false);
}

/** Feeds a command with a stream. */
async function streamCommand(
  connection: SshConnection,
  command: string,
  stdin: Readable,
  what: string,
  { signal }: TransferOptions,
): Promise<void> {
  let said = '';
  const onOutput = ({ text }: { readonly text: string }): void => void (said += text);
  const outcome = await runCommand(connection, { command, stdin, signal, onOutput });
  if (outcome.type === 'disconnected') throw connection.broken(what);
  if (outcome.type !== 'exited' || outcome.code !== 0 || signal.aborted)
    throw commandFailure(what, outcome, said, signal);
}

async function downloadByCommand(
  connection: SshConnection,
  source: string,
  target: string,
  what: string,
  { signal }: TransferOptions,
): Promise<void> {
  let said = '';
  const { saved, code } = await connection.open(
    `cat ${shellQuote(source)}`,
    (channel) => {
      channel.end();
      channel.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
      return { saved: pipeline(channel, createWriteStream(target), { signal }), code: exitOf(channel) };
    },
    { signal },
  );
  const [, ended] = await connection
    .whileOpen(Promise.all([saved, code]), what, signal)
    .catch((error: unknown) => {
      throw signal.aborted ? stopped() : error;
    });
  if (ended !== 0) throw commandFailure(what, { type: 'exited', code: ended ?? 255 }, said, signal);
}

/** Exit code of a channel's command, undefined when it ended otherwise. */
export function exitOf(channel: {
  once(event: 'close', listener: (code: number | null | undefined) => void): unknown;
}): Promise<number | undefined> {
  return new Promise((resolve) => channel.once('close', (code) => resolve(code ?? undefined)));
}

/** What a failed command of a transfer means. */
export function commandFailure(
  what: string,
  outcome: SshRunOutcome,
  said: string,
  signal: AbortSignal,
): FailureError {
  if (signal.aborted) return stopped();
  const excerpt = said
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-10);
  if (/No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes|disk full/i.test(said))
    return diskFull(what, excerpt);
  const how = outcome.type === 'exited' ? `exit code ${outcome.code}` : outcome.type;
  const why = excerpt.at(-1) ?? how;
  return new FailureError({ reason: 'communicator-failed', message: `SSH: ${what} failed: ${why}`, excerpt });
}

function diskFull(what: string, excerpt?: readonly string[]): FailureError {
  return new FailureError({
    reason: 'disk-full',
    message: `the machine's disk is full: ${what} failed`,
    hint: 'give the machine a larger disk, or upload to another file system',
    ...(excerpt !== undefined && { excerpt }),
  });
}

export const stopped = (): FailureError =>
  new FailureError({ reason: 'aborted', message: 'the run was stopped' });

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');
