import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DrivenMachine } from '../../src/builders/machine-builder.ts';
import type {
  CommandLine,
  CommandOutcome,
  Communicator,
  UploadSource,
} from '../../src/communicators/communicator.ts';
import type { Clock } from '../../src/provisioners/packer/clock.ts';
import { FakeMachine } from './fake-machine.ts';

/** What the fake answers to a command line that matches; `throws` is thrown, `times` limits how often it applies. */
export interface CommandAnswer {
  readonly when: RegExp;
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly disconnected?: boolean;
  readonly throws?: Error;
  times?: number;
}

/**
 * A way into no machine. Its specification:
 * - every operation is recorded in `calls`, in order: `run COMMAND`, `upload PATH MODE?`, `upload-tree …`, `download …`.
 * - `run` gives what the first matching answer says, else exit code 0 and no output.
 * - an upload whose target an answer matches with `throws` fails so; others keep the content in `uploads`.
 * - a download writes `content of PATH`; `readFile` gives what was put into `files`.
 */
export class FakeCommunicator implements Communicator {
  readonly calls: string[] = [];
  readonly uploads = new Map<string, string>();
  readonly files = new Map<string, string>();
  keepsModes = false;
  readonly #answers: CommandAnswer[];

  constructor(answers: readonly CommandAnswer[] = []) {
    this.#answers = answers.map((answer) => ({ ...answer }));
  }

  run({ command, onOutput }: CommandLine): Promise<CommandOutcome> {
    this.calls.push(`run ${command}`);
    const answer = this.#take(command);
    if (answer?.throws !== undefined) return Promise.reject(answer.throws);
    for (const stream of ['stdout', 'stderr'] as const) {
      const text = answer?.[stream];
      if (text !== undefined) onOutput({ stream, text });
    }
    if (answer?.disconnected === true) return Promise.resolve({ type: 'disconnected' });
    return Promise.resolve({ type: 'exited', code: answer?.code ?? 0 });
  }

  uploadFile(source: UploadSource, target: string, options: { readonly mode?: number } = {}): Promise<void> {
    this.calls.push(`upload ${target}${options.mode === undefined ? '' : ` ${options.mode.toString(8)}`}`);
    const answer = this.#take(`upload ${target}`);
    if (answer?.throws !== undefined) return Promise.reject(answer.throws);
    this.uploads.set(target, 'path' in source ? readFileSync(source.path, 'utf8') : String(source.content));
    return Promise.resolve();
  }

  async downloadFile(source: string, target: string): Promise<void> {
    this.calls.push(`download ${source} => ${target}`);
    await writeFile(target, `content of ${source}`);
  }

  uploadTree(source: string, target: string): Promise<void> {
    this.calls.push(`upload-tree ${source} => ${target}`);
    return Promise.resolve();
  }

  async downloadTree(source: string, target: string): Promise<void> {
    this.calls.push(`download-tree ${source} => ${target}`);
    await mkdir(target, { recursive: true });
    await writeFile(path.join(target, 'file'), `content of ${source}`);
  }

  readFile(source: string): Promise<Buffer | undefined> {
    const content = this.files.get(source);
    return Promise.resolve(content === undefined ? undefined : Buffer.from(content));
  }

  reconnect(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #take(what: string): CommandAnswer | undefined {
    const answer = this.#answers.find(({ when, times = 1 }) => times > 0 && when.test(what));
    if (answer?.times !== undefined) answer.times -= 1;
    return answer;
  }
}

/** A machine of a builder of its own kind that is reached by `communicator`. */
export class FakeDrivenMachine extends FakeMachine implements DrivenMachine {
  readonly communicator: FakeCommunicator;
  readonly facts: Readonly<Record<string, string>>;

  constructor(
    communicator: FakeCommunicator,
    facts: Readonly<Record<string, string>> = {},
    files: Readonly<Record<string, string>> = {},
  ) {
    super(files);
    this.communicator = communicator;
    this.facts = facts;
  }

  snapshot(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Time that passes only by waiting; `waits` are the milliseconds of each wait. */
export class FakeClock implements Clock {
  readonly waits: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  wait(milliseconds: number): Promise<void> {
    this.waits.push(milliseconds);
    this.#now += milliseconds;
    return Promise.resolve();
  }
}
