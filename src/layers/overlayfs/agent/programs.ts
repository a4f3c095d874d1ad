import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { runHostCommand, type ExecOutcome, type OutputChunk } from '../../../util/exec.ts';
import type { MemoryFile } from '../../workspace.ts';
import type { AgentRequest } from '../protocol.ts';
import { runTool } from './host-tool.ts';

/** The programs that run in a workspace. */
export class Programs {
  readonly #memoryDirectory: string;
  readonly #onOutput: (id: number, chunk: OutputChunk) => Promise<void>;
  readonly #running = new Map<number, { abort: AbortController; ended: Promise<unknown> }>();
  #memory: Promise<void> | undefined;

  constructor(memoryDirectory: string, onOutput: (id: number, chunk: OutputChunk) => Promise<void>) {
    this.#memoryDirectory = memoryDirectory;
    this.#onOutput = onOutput;
  }

  /** @param id number of the request, for `cancel` */
  async run(request: AgentRequest & { type: 'spawn' }, id: number): Promise<ExecOutcome> {
    const abort = new AbortController();
    const { memoryFiles = [], type: _, ...command } = request;
    const run = async () => {
      if (memoryFiles.length > 0) await this.#writeMemoryFiles(memoryFiles);
      try {
        return await runHostCommand({
          ...command,
          signal: abort.signal,
          onOutput: (chunk) => this.#onOutput(id, chunk),
        });
      } finally {
        for (const { path } of memoryFiles) rmSync(path, { force: true });
      }
    };
    const ended = run();
    this.#running.set(id, { abort, ended });
    try {
      return await ended;
    } finally {
      this.#running.delete(id);
    }
  }

  cancel(id: number): void {
    this.#running.get(id)?.abort.abort();
  }

  /** Ends all programs and waits for them. */
  async stop(): Promise<void> {
    for (const { abort } of this.#running.values()) abort.abort();
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended));
  }

  async #writeMemoryFiles(files: readonly MemoryFile[]): Promise<void> {
    this.#memory ??= this.#mountMemory();
    await this.#memory;
    for (const { path, content, mode, uid, gid } of files) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content, { mode: 0o600 });
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    }
  }

  async #mountMemory(): Promise<void> {
    mkdirSync(this.#memoryDirectory, { recursive: true });
    await runTool([
      'mount',
      '-t',
      'tmpfs',
      '-o',
      'mode=0711,nosuid,nodev,noexec',
      'tmpfs',
      this.#memoryDirectory,
    ]);
  }
}
