import type { Failure } from '../../diagnostics/failure.ts';

const HINT =
  'Run `imgpipe update` to take the archive as it is now, or name a snapshot mirror that keeps its old states.';

/** The failure of a step whose archives are not in the locked state any more. */
export function archiveMoved(folders: readonly string[]): Failure {
  const names = folders.map((folder) => folder.replace(/\/$/, '')).join(', ');
  return {
    reason: 'archive-moved',
    message: `${names} ${folders.length > 1 ? 'have' : 'has'} moved on since imgpipe.lock was written, and the index of that state is not in the cache`,
    hint: HINT,
  };
}

/** The failure when the index of the locked state is at hand, but a package in it has left the archive; else undefined. */
export function packageGone(text: string): Failure | undefined {
  const url = /(?:Failed to fetch|Err:\d+) (\S+\.deb)\s+404|404 +Not Found[^\n]*?(\S+\.deb)/.exec(text);
  const path = url?.[1] ?? url?.[2];
  if (path === undefined) return undefined;
  return {
    reason: 'archive-moved',
    message: `${path.slice(path.lastIndexOf('/') + 1)}, which imgpipe.lock stands for, is no longer in its archive`,
    hint: HINT,
  };
}
