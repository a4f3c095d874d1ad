import type { Machine, MachineCommand } from '../../src/builders/machine.ts';
import { parseOsRelease } from '../../src/util/os-release.ts';
import type { ExecOutcome, OutputChunk } from '../../src/util/exec.ts';
import type { StepRunContext } from '../../src/provisioners/provisioner.ts';

/** What the fake answers to commands whose words match. */
export interface ScriptedAnswer {
  readonly when: RegExp;
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Another end than an exit code. */
  readonly outcome?: ExecOutcome;
}

export interface WrittenFile {
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * A machine without programs. Its specification:
 * - `exec` records the command; the first scripted answer whose expression matches the words, joined by spaces, gives
 *   output and end; a command that no answer matches succeeds silently.
 * - `writeFile` is seen by `readFile`; files given at the start have mode 0644 and belong to root.
 * - `readFile` of a path that was never written gives undefined.
 */
export class FakeMachine implements Machine {
  readonly architecture = 'amd64';
  readonly commands: MachineCommand[] = [];
  readonly files = new Map<string, WrittenFile>();
  readonly #answers: readonly ScriptedAnswer[];

  constructor(files: Readonly<Record<string, string>> = {}, answers: readonly ScriptedAnswer[] = []) {
    this.#answers = answers;
    for (const [path, content] of Object.entries(files)) this.#put(path, content, {});
  }

  /** Words of every command, the text of constant scripts replaced by `…`. */
  get words(): string[] {
    return this.commands.map(({ argv }) => argv.map((word) => (word.includes('\n') ? '…' : word)).join(' '));
  }

  async osRelease(): Promise<Readonly<Record<string, string>>> {
    return parseOsRelease((await this.readFile('/etc/os-release')) ?? '');
  }

  exec(command: MachineCommand, onOutput?: (chunk: OutputChunk) => void): Promise<ExecOutcome> {
    this.commands.push(command);
    const words = command.argv.join(' ');
    const answer = this.#answers.find(({ when }) => when.test(words));
    if (answer?.stdout !== undefined) onOutput?.({ stream: 'stdout', text: answer.stdout });
    if (answer?.stderr !== undefined) onOutput?.({ stream: 'stderr', text: answer.stderr });
    return Promise.resolve(answer?.outcome ?? { type: 'exited', code: answer?.code ?? 0 });
  }

  writeFile(
    path: string,
    content: string,
    options: { mode?: number; uid?: number; gid?: number } = {},
  ): Promise<void> {
    this.#put(path, content, options);
    return Promise.resolve();
  }

  readFile(path: string): Promise<string | undefined> {
    return Promise.resolve(this.files.get(path)?.content);
  }

  #put(path: string, content: string, options: { mode?: number; uid?: number; gid?: number }): void {
    this.files.set(path, {
      content,
      mode: options.mode ?? 0o644,
      uid: options.uid ?? 0,
      gid: options.gid ?? 0,
    });
  }
}

/** A step's surroundings: the template's folder is `directory`, secrets are `value of NAME`. */
export function stepRunContext(directory = '/project'): StepRunContext & { readonly logged: string[] } {
  const logged: string[] = [];
  return {
    resolvePath: (path) => (path.startsWith('/') ? path : `${directory}/${path}`),
    architecture: 'amd64',
    sourceDateEpoch: 1_735_689_600,
    signal: new AbortController().signal,
    secret: (name) => Promise.resolve(`value of ${name}`),
    progress: () => undefined,
    log: (line) => logged.push(line),
    ask: ({ question, defaultChoice }) => {
      logged.push(question);
      return Promise.resolve(defaultChoice);
    },
    output: ({ stream, text }) => void logged.push(`${stream}: ${text}`),
    logged,
  };
}
