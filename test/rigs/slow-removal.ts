import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './workspace.ts';

/**
 * An rm(1) that takes its time: the first to be called never ends, the next ones wait to be let go. It stands for a
 * tree that is too large to be deleted by a command that is stopped.
 */
export class SlowRemoval {
  readonly #directory: string;

  /** @param directory existing, writable by whoever deletes */
  constructor(directory: string) {
    this.#directory = join(directory, 'slow');
    mkdirSync(this.#directory);
    chmodSync(this.#directory, 0o777);
    const script = `#!/bin/sh
cd ${this.#directory}
mkdir first 2>/dev/null && exec sleep 1000
ps -o pgid= -p $$ > group.$$ && mv group.$$ group
until [ -e go ]; do sleep 0.05; done
cd /
exec ${execFileSync('sh', ['-c', 'command -v rm'], { encoding: 'utf8' }).trim()} "$@"
`;
    writeFileSync(join(this.#directory, 'rm'), script, { mode: 0o755 });
  }

  /** The search path on which it is the first rm(1). */
  get path(): string {
    return `${this.#directory}:${process.env['PATH'] ?? ''}`;
  }

  /** Waits for the second call. @returns the process group that it is of */
  async waiting(): Promise<number> {
    const group = join(this.#directory, 'group');
    await eventually(() => existsSync(group)).toBe(true);
    return Number(readFileSync(group, 'utf8'));
  }

  letGo(): void {
    writeFileSync(join(this.#directory, 'go'), '');
  }
}
