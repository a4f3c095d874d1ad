import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../diagnostics/failure.ts';
import { digestFromList, type FileDigest } from './checksum.ts';

interface ListContext {
  readonly signal: AbortSignal;
  readonly resolvePath: (path: string) => string;
}

/**
 * What a list of checksums, at a path or an address, says of a file.
 * @param names of the file, in the order in which they are looked for
 * @throws FailureError `source-failed`
 */
export async function listedDigest(
  address: string,
  names: readonly string[],
  context: ListContext,
): Promise<FileDigest & { readonly name: string }> {
  const list = await readList(address, context).catch((cause: unknown) => {
    throw new FailureError({
      reason: 'source-failed',
      message: `the list of checksums ${address} cannot be read: ${networkMessage(cause)}`,
      cause,
    });
  });
  for (const name of names) {
    const digest = digestFromList(list, name);
    if (digest !== undefined) return { ...digest, name };
  }
  throw new FailureError({
    reason: 'source-failed',
    message: `the list of checksums ${address} has no line for ${names.join(' or ')}`,
  });
}

async function readList(address: string, { signal, resolvePath }: ListContext): Promise<string> {
  if (!isAddress(address)) return await readFile(resolvePath(address), 'utf8');
  if (address.startsWith('file:')) return await readFile(fileURLToPath(address), 'utf8');
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error(`the server answers ${answer.status} ${answer.statusText}`);
  return await answer.text();
}

/** Whether a list is named by its address, and not by a path. */
export const isAddress = (text: string): boolean => /^(https?|file):\/\//.test(text);

/** The network's errors have their cause inside. */
export function networkMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
