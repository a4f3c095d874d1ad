import { homedir } from 'node:os';
import { join } from 'node:path';

/** A path with `~/` at its beginning replaced by the user's home, as a shell would. */
export const expandHome = (path: string, home: string = homedir()): string =>
  path.startsWith('~/') ? join(home, path.slice(2)) : path;
