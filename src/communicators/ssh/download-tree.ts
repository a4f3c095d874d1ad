import { chmodSync, createWriteStream, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Extract } from 'tar-stream';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { commandFailure, exitOf, stopped, type TransferOptions } from './file-transfer.ts';
import { downloadTreeBySftp } from './sftp-tree.ts';
import type { SshConnection } from './ssh-connection.ts';

const NO_TAR = 45;
/** Files up to this size are held in memory for a moment. */
const SMALL = 2 ** 20;
const NEW_FILE = { mode: 0o600, flag: 'wx', flags: 'wx' } as const;

/**
 * Copies what is in a folder of the machine into a host folder, which is made: permissions, times and symbolic links as
 * they are. The machine is not trusted: nothing is written outside the folder, whatever names it sends.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function downloadTree(
  connection: SshConnection,
  source: string,
  target: string,
  options: TransferOptions,
): Promise<void> {
  if (options.method === 'sftp') return await downloadTreeBySftp(connection, source, target, options);
  const what = `the download of ${source}`;
  const { extract } = await import('./tar-stream-library.ts');
  const archive = extract();
  const tree = new LocalTree(target);
  let said = '';
  await mkdir(target, { recursive: true });
  const command = `export LC_ALL=C; command -v tar >/dev/null || exit ${NO_TAR}; exec tar -cf - -C ${shellQuote(source)} .`;
  const { code, fed } = await connection.open(
    command,
    (channel) => {
      channel.end();
      channel.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
      const fed = pipeline(channel, archive, { signal: options.signal });
      fed.catch(() => undefined);
      return { code: exitOf(channel), fed };
    },
    options,
  );
  const unpacked = (async () => {
    let bytes = 0;
    for await (const entry of archive) {
      await tree.add(entry);
      options.onProgress?.((bytes += entry.header.size));
    }
  })();
  try {
    // What was cut off looks like the end of the archive too: only tar's exit code says that all is there.
    const [ended] = await connection.whileOpen(Promise.all([code, unpacked, fed]), what, options.signal);
    if (ended === NO_TAR) return await downloadTreeBySftp(connection, source, target, options);
    if (ended !== 0) throw commandFailure(what, { type: 'exited', code: ended ?? 255 }, said, options.signal);
    await tree.finish();
  } catch (error) {
    archive.destroy();
    if (options.signal.aborted) throw stopped();
    if (error instanceof FailureError) throw error;
    if (!connection.isOpen) throw connection.broken(what);
    const message = error instanceof Error ? error.message : String(error);
    throw new FailureError({ reason: 'communicator-failed', message: `SSH: ${what} failed: ${message}` });
  }
}

async function contentOf(entry: Entry): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

/** A host folder that takes entries of an archive from a stranger. */
class LocalTree {
  readonly #root: string;
  /** Modes and times of folders, set last: a read-only folder takes no files. */
  readonly #folders: { readonly path: string; readonly mode: number; readonly mtime: Date }[] = [];
  /** Folders made or looked at by this tree: no symbolic links. */
  readonly #safe = new Set<string>();

  constructor(root: string) {
    this.#root = root;
    this.#safe.add(root);
  }

  async add(entry: Entry): Promise<void> {
    const { name, type, linkname, mode, mtime } = entry.header;
    const path = this.#inside(name);
    if (path === this.#root) return void entry.resume();
    await this.#makeFolder(dirname(path));
    switch (type) {
      case 'directory':
        await this.#makeFolder(path);
        this.#folders.push({ path, mode: mode & 0o7777, mtime });
        break;
      case 'symlink':
        this.#clear(path);
        await symlink(linkname, path);
        break;
      case 'file':
        this.#clear(path);
        if (entry.header.size <= SMALL) writeFileSync(path, await contentOf(entry), NEW_FILE);
        else await pipeline(entry, createWriteStream(path, NEW_FILE));
        // Without promises: for ten thousand files they are most of the time.
        chmodSync(path, mode & 0o777);
        utimesSync(path, mtime, mtime);
        return;
      case 'link': {
        const original = this.#inside(linkname);
        await this.#makeFolder(dirname(original));
        if (!(await lstat(original)).isFile()) throw new Error(`${name} is a hard link to what is no file`);
        this.#clear(path);
        await copyFile(original, path);
        break;
      }
      default:
        // Devices and pipes stay where they are.
        break;
    }
    entry.resume();
  }

  async finish(): Promise<void> {
    for (const { path, mode, mtime } of this.#folders.toReversed()) {
      // A later entry took its place, which may lead anywhere.
      if (!this.#safe.has(path)) continue;
      await chmod(path, mode & 0o777);
      await utimes(path, mtime, mtime);
    }
  }

  /** Makes room for what is no folder. What is there may be a link to somewhere else, or a folder that was safe so far. */
  #clear(path: string): void {
    if (this.#safe.has(path))
      for (const folder of this.#safe)
        if (folder === path || folder.startsWith(`${path}/`)) this.#safe.delete(folder);
    rmSync(path, { recursive: true, force: true });
  }

  #inside(name: string): string {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (name.startsWith('/') || parts.includes('..')) {
      throw new Error(`the machine sent a path that leads out of the folder: ${JSON.stringify(name)}`);
    }
    return join(this.#root, ...parts);
  }

  /** Makes a folder and its parents, none of which may be a symbolic link. */
  async #makeFolder(path: string): Promise<void> {
    if (this.#safe.has(path)) return;
    await this.#makeFolder(dirname(path));
    const there = await lstat(path).catch(() => undefined);
    if (there?.isDirectory() !== true) {
      if (there !== undefined) throw new Error(`${path} is in the way of a folder`);
      await mkdir(path);
    }
    this.#safe.add(path);
  }
}
