import { chmod, mkdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntryWithStats, SFTPWrapper } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import { downloadFile, stopped, uploadFile, type TransferOptions } from './file-transfer.ts';
import type { SshConnection } from './ssh-connection.ts';
import { walkTree } from './walk-tree.ts';

/** Trees file by file, for machines without tar. Slow: several answers are waited for per file. */
export async function uploadTreeBySftp(
  connection: SshConnection,
  source: string,
  target: string,
  options: TransferOptions,
): Promise<void> {
  const sftp = await requireSftp(connection, options.signal);
  await makeFolders(connection, sftp, target);
  for await (const item of walkTree(source)) {
    if (options.signal.aborted) throw stopped();
    const path = `${target}/${item.path}`;
    if (item.type === 'file') {
      await uploadFile(connection, { path: item.source }, path, { ...options, mode: item.mode });
    } else if (item.type === 'directory') {
      await ask(connection, path, (done) => sftp.mkdir(path, { mode: item.mode }, done)).catch(
        () => undefined,
      );
      await ask(connection, path, (done) => sftp.chmod(path, item.mode, done));
    } else {
      const linked = await readlink(item.source);
      await ask(connection, path, (done) => sftp.unlink(path, done)).catch(() => undefined);
      await ask(connection, path, (done) => sftp.symlink(linked, path, done));
    }
  }
}

export async function downloadTreeBySftp(
  connection: SshConnection,
  source: string,
  target: string,
  options: TransferOptions,
): Promise<void> {
  const sftp = await requireSftp(connection, options.signal);
  await mkdir(target, { recursive: true });
  const entries = await ask<FileEntryWithStats[]>(connection, source, (done) => sftp.readdir(source, done));
  const seen = new Set(['.', '..']);
  for (const { filename, attrs } of entries) {
    if (options.signal.aborted) throw stopped();
    // A second entry of a name might be written through the link that the first one was.
    if (seen.has(filename) || filename.includes('/')) continue;
    seen.add(filename);
    const [from, to] = [`${source}/${filename}`, join(target, filename)];
    if (attrs.isDirectory()) await downloadTreeBySftp(connection, from, to, options);
    else if (attrs.isSymbolicLink()) {
      await symlink(await ask<string>(connection, from, (done) => sftp.readlink(from, done)), to);
      continue;
    } else if (attrs.isFile()) await downloadFile(connection, from, to, options);
    else continue;
    await chmod(to, attrs.mode & 0o777);
  }
}

async function requireSftp(connection: SshConnection, signal: AbortSignal): Promise<SFTPWrapper> {
  const sftp = await connection.sftp(signal);
  if (sftp !== undefined) return sftp;
  throw new FailureError({
    reason: 'communicator-failed',
    message: `SSH: ${connection.name} has neither tar nor SFTP, so no folder can be copied`,
  });
}

async function makeFolders(connection: SshConnection, sftp: SFTPWrapper, path: string): Promise<void> {
  const parts = path.split('/');
  for (let count = 1; count <= parts.length; count += 1) {
    const folder = parts.slice(0, count).join('/');
    if (folder === '') continue;
    await ask(connection, folder, (done) => sftp.mkdir(folder, done)).catch(() => undefined);
  }
}

async function ask<T = void>(
  connection: SshConnection,
  path: string,
  start: (done: (error?: Error | null, value?: T) => void) => void,
): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    start((error, value) => {
      if (error instanceof Error) {
        const message = `SSH: SFTP of ${path} failed: ${error.message}`;
        reject(new FailureError({ reason: 'communicator-failed', message }));
      } else resolve(value as T);
    });
  });
  return await connection.whileOpen(answer, `SFTP of ${path}`);
}
