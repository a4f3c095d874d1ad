import { openAsBlob } from 'node:fs';
import { FailureError } from '../../diagnostics/failure.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { PostContext } from '../post-processor.ts';
import type { UploadOptions } from '../upload.ts';
import { filesToSend, type FileToSend } from './files-to-send.ts';
import { TransientError, withRetries } from './retry.ts';

/**
 * Sends each file of an artifact by PUT to the address and its name.
 * @throws FailureError `post-failed`, `secret-missing`
 */
export async function uploadByPut(
  options: UploadOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<Artifact> {
  const files = await filesToSend(artifact);
  const secrets = Object.entries(options.secretHeaders).map(([name, secret]) => [
    name,
    context.secret(secret),
  ]);
  const headers = { ...options.headers, ...(Object.fromEntries(secrets) as Record<string, string>) };
  for (const [index, file] of files.entries()) {
    context.status(file.name);
    await withRetries(file.name, context, () =>
      put(file, targetOf(options.to, file), headers, context.signal),
    );
    context.progress(index + 1, files.length, 'files');
  }
  return artifact;
}

function targetOf(to: string, { name }: FileToSend): URL {
  const base = new URL(to);
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  base.pathname = folder + name.split('/').map(encodeURIComponent).join('/');
  return base;
}

/** Answers that say "later" and not "no" (RFC 9110, 15). */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

async function put(
  file: FileToSend,
  target: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  let response: Response;
  try {
    // A blob that stands for the file: its length is known, and its bytes are read while they are sent.
    response = await fetch(target, { method: 'PUT', headers, body: await openAsBlob(file.path), signal });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const reason =
      cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new TransientError(`${target.host} cannot be reached: ${reason}`, { cause });
  }
  const text = (await response.text().catch(() => '')).slice(0, 500);
  if (response.ok) return;
  const message = `${target.host} answered ${response.status} ${response.statusText}`.trimEnd();
  if (TRANSIENT.has(response.status)) throw new TransientError(message);
  throw new FailureError({
    reason: 'post-failed',
    message: `${file.name} was not taken: ${message}`,
    ...(text === '' ? {} : { excerpt: text.split('\n').slice(0, 5) }),
    ...(response.status === 401 || response.status === 403
      ? { hint: 'Give a login by `secretHeaders`, e.g. `Authorization`.' }
      : {}),
  });
}
