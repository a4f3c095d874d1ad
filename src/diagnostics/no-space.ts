import type { Failure } from './failure.ts';

type NoSpace = Pick<Failure, 'reason' | 'message'> & { readonly reason: 'disk-full'; readonly hint: string };

/** What helps wherever the cache takes the space. */
export const PRUNE_HINT = 'Free some space, or run `imgpipe cache prune`.';

/** No space is left on the disk of a folder for output. @param folder path of it, or of the file in it */
export function noSpaceToWrite(folder: string, option = '--output'): NoSpace {
  const hint = `Free some space there, or name another folder in ${option}.`;
  return { reason: 'disk-full', message: `no space left to write ${folder}`, hint };
}

/** No space is left on the disk of the cache. @param root its folder */
export function noSpaceInCache(root: string): NoSpace {
  return { reason: 'disk-full', message: `no space left in the cache ${root}`, hint: PRUNE_HINT };
}

/** No space is left on the disk that a folder for output shares with the cache. */
export function noSpaceForBoth(folder: string): NoSpace {
  const hint = 'Free some space, for example with `imgpipe cache prune`, or name another folder in --output.';
  return { reason: 'disk-full', message: `no space left on the disk of ${folder} and the cache`, hint };
}
