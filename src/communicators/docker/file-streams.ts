import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable, Writable } from 'node:stream';
import type { UploadSource } from '../communicator.ts';

export interface TarOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A tar with one file, as `docker cp` takes it. Mode and owner are the host file's unless told. */
export async function tarOfFile(
  source: UploadSource,
  name: string,
  options: { readonly mode?: number | undefined; readonly owner?: TarOwner | undefined },
): Promise<Readable> {
  const { pack } = await import('./tar-stream-library.ts');
  const status = 'path' in source ? await stat(source.path) : undefined;
  const content = 'path' in source ? undefined : Buffer.from(source.content);
  const archive = pack();
  const size = status?.size ?? content?.length ?? 0;
  const header = {
    name,
    size,
    mode: options.mode ?? (status === undefined ? 0o600 : status.mode & 0o7777),
    uid: options.owner?.uid ?? status?.uid ?? process.getuid?.() ?? 0,
    gid: options.owner?.gid ?? status?.gid ?? process.getgid?.() ?? 0,
    mtime: status?.mtime ?? new Date(),
  };
  const entry = archive.entry(header, (error) => {
    if (error === undefined || error === null) archive.finalize();
    else archive.destroy(error);
  });
  const body =
    'path' in source
      ? createReadStream(source.path, { end: Math.max(size - 1, 0) })
      : Readable.from([content ?? '']);
  if (size === 0) entry.end(Buffer.alloc(0));
  else pipeline(body, entry, (error) => void (error && archive.destroy(error)));
  return archive as unknown as Readable;
}

/**
 * Takes the first file of a tar, as `docker cp … -` gives it, into a host file or memory. `entry` tells after the end
 * whether there was one.
 */
export async function firstFileOfTar(
  target: string | undefined,
): Promise<{ readonly stream: Writable; readonly done: Promise<Buffer | undefined> }> {
  const { extract } = await import('./tar-stream-library.ts');
  const archive = extract();
  const chunks: Buffer[] = [];
  let found = false;
  const done = new Promise<Buffer | undefined>((resolve, reject) => {
    archive.on('entry', (header, body, next) => {
      const wanted = !found && header.type === 'file';
      found ||= wanted;
      const into = !wanted
        ? new Writable({ write: (_chunk, _encoding, taken) => taken() })
        : target === undefined
          ? new Writable({
              write: (chunk: Buffer, _encoding, taken) => {
                chunks.push(chunk);
                taken();
              },
            })
          : createWriteStream(target, { mode: 0o644 });
      pipeline(body, into, (error) => {
        if (error === undefined || error === null) next();
        else archive.destroy(error);
      });
    });
    archive.on('finish', () => resolve(found ? Buffer.concat(chunks) : undefined));
    archive.on('error', reject);
  });
  return { stream: archive as unknown as Writable, done };
}
