import path from 'node:path';
import type { OpenProjectOptions } from '../../engine/api.ts';
import type { CliContext } from '../context.ts';

/** `PACKER_CACHE_DIR`, which CI jobs keep from run to run: the cache is a folder in it. */
export function packerCache({ env, cwd }: CliContext): Pick<OpenProjectOptions, 'cacheDirectory'> {
  const folder = env['PACKER_CACHE_DIR'] ?? '';
  return folder === '' ? {} : { cacheDirectory: path.resolve(cwd, folder, 'imgpipe') };
}
