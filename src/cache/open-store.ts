import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { noSpaceInCache } from '../diagnostics/no-space.ts';
import { storageFailure } from '../diagnostics/storage-failure.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import { STORE_FORMAT, StoreLayout } from './store-layout.ts';

const SECRET_KEY_BYTES = 32;

const CACHEDIR_TAG = `Signature: 8a477f597d28d172789f06886806bc55
# This file marks a cache of imgpipe. Its folder may be deleted while no imgpipe runs.
# For information about cache directory tags, see https://bford.info/cachedir/
`;

/**
 * Opens a store, making it when the folder is new or empty. A folder of a newer format, or one that holds something
 * else, is refused and left as it is.
 */
export function openStore(root: string): Result<StoreLayout> {
  const layout = new StoreLayout(root);
  try {
    const format = readFormat(layout);
    if (format === STORE_FORMAT) return ok(layout);
    if (format !== undefined) {
      return fail({
        reason: 'store-invalid',
        message: `the cache ${root} has format ${format}; this imgpipe reads format ${STORE_FORMAT}`,
        hint:
          format > STORE_FORMAT
            ? 'Use a newer imgpipe, or name another folder in `cache.directory`.'
            : 'Delete the folder or name another in `cache.directory`; the next build fills it again.',
      });
    }
    return create(layout);
  } catch (error) {
    const failure = storeFailure(root, error);
    if (failure !== undefined) return fail(failure);
    throw error;
  }
}

/** The failure behind an error of the file system while the store is opened or written to; undefined for a bug. */
export function storeFailure(root: string, error: unknown): Failure | undefined {
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) {
    return {
      reason: 'permission-denied',
      message: `the cache ${root} cannot be written`,
      hint: 'Give yourself the folder, or name another in `cache.directory` or with --cache-dir.',
      cause: error,
    };
  }
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return { ...noSpaceInCache(root), cause: error };
  }
  if (isErrno(error, 'ENOTDIR', 'EEXIST', 'EISDIR')) {
    return { reason: 'store-invalid', message: `the cache ${root} is not a folder`, cause: error };
  }
  return storageFailure(error);
}

/** The store's own key for hashes of secrets; a lost or damaged one is replaced, after which steps with secrets run again. */
export function readSecretKey(file: string): Uint8Array {
  try {
    const key = readFileSync(file);
    if (key.length === SECRET_KEY_BYTES) return key;
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  const key = randomBytes(SECRET_KEY_BYTES);
  writeFileAtomic(file, key, { mode: 0o600, durable: true });
  return key;
}

function readFormat(layout: StoreLayout): number | undefined {
  try {
    const format = /^\s*\{\s*"format"\s*:\s*(\d+)/.exec(readFileSync(layout.formatFile, 'utf8'))?.[1];
    return format === undefined ? undefined : Number(format);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function create(layout: StoreLayout): Result<StoreLayout> {
  mkdirSync(layout.root, { recursive: true });
  accessSync(layout.root, constants.W_OK);
  const foreign = readdirSync(layout.root).filter((name) => !OWN_NAMES.has(name) && !name.includes('.tmp-'));
  if (foreign.length > 0) {
    return fail({
      reason: 'store-invalid',
      message: `${layout.root} holds files that are not a cache of imgpipe (${foreign.slice(0, 3).join(', ')})`,
      hint: 'Name an empty or new folder in `cache.directory`.',
    });
  }
  writeFileAtomic(layout.tagFile, CACHEDIR_TAG);
  readSecretKey(layout.secretKeyFile);
  writeFileAtomic(layout.formatFile, `${JSON.stringify({ format: STORE_FORMAT })}\n`, { durable: true });
  return ok(layout);
}

/** What may lie in the folder before the first use: what git keeps of it, and a half-made store. */
const OWN_NAMES = new Set(['CACHEDIR.TAG', 'README.md', 'secret-key', 'format.json', '.gitignore', 'lost+found', 'mounts']);
