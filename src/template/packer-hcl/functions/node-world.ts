import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { NO_SERVERS } from '../../packer-servers/server-question.ts';
import type { FileReader, FunctionWorld } from './function.ts';

/** The machine imgpipe runs on. */
export function nodeWorld(
  options: Partial<FunctionWorld> & { readonly baseDirectory: string },
): FunctionWorld {
  const environment = options.environment ?? process.env;
  return {
    workingDirectory: process.cwd(),
    homeDirectory: environment['HOME'] ?? homedir(),
    now: new Date(),
    environment,
    files: NODE_FILES,
    servers: NO_SERVERS,
    randomBytes: (length) => randomBytes(length),
    ...options,
  };
}

const NODE_FILES: FileReader = {
  read: (path) => readFileSync(path),
  kind: (path) => {
    try {
      const status = statSync(path, { throwIfNoEntry: false });
      if (status === undefined) return undefined;
      return status.isFile() ? 'file' : status.isDirectory() ? 'directory' : 'other';
    } catch {
      // A path that cannot be looked at (a file in the middle of it, a NUL byte) leads nowhere.
      return undefined;
    }
  },
  list: (path) =>
    readdirSync(path, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      directory: entry.isDirectory(),
    })),
};
