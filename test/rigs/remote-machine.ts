import { RemoteMachine, type RemoteMachineOptions } from '../../src/builders/remote-machine.ts';
import type { CommandLine, CommandOutcome, Communicator } from '../../src/communicators/communicator.ts';
import { EPOCH } from './workspace.ts';

/** What the fake answers to commands whose line and input match. */
export interface FakeAnswer {
  readonly when: RegExp;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Standard error comes before standard output. */
  readonly errorsFirst?: boolean;
  readonly outcome?: CommandOutcome;
}

/**
 * A way into no machine. Its specification:
 * - `run` records the command line; the first answer whose expression matches the line and its input, joined by a line
 *   feed, gives output and end; a command that no answer matches succeeds silently.
 * - uploads are recorded by their target; nothing can be read or downloaded.
 */
export class FakeCommunicator implements Communicator {
  readonly commands: CommandLine[] = [];
  readonly uploads: string[] = [];
  readonly #answers: readonly FakeAnswer[];

  constructor(answers: readonly FakeAnswer[]) {
    this.#answers = answers;
  }

  run(command: CommandLine): Promise<CommandOutcome> {
    this.commands.push(command);
    const text = `${command.command}\n${command.stdin ?? ''}`;
    const answer = this.#answers.find(({ when }) => when.test(text));
    const order =
      answer?.errorsFirst === true ? (['stderr', 'stdout'] as const) : (['stdout', 'stderr'] as const);
    for (const stream of order) {
      const said = answer?.[stream];
      if (said !== undefined) command.onOutput({ stream, text: said });
    }
    return Promise.resolve(answer?.outcome ?? { type: 'exited', code: 0 });
  }

  uploadFile(_: unknown, target: string): Promise<void> {
    this.uploads.push(target);
    return Promise.resolve();
  }

  uploadTree(_: string, target: string): Promise<void> {
    this.uploads.push(target);
    return Promise.resolve();
  }

  downloadFile(): Promise<void> {
    return Promise.reject(new Error('there is nothing to download'));
  }

  downloadTree(): Promise<void> {
    return Promise.reject(new Error('there is nothing to download'));
  }

  readFile(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  reconnect(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** A machine behind a communicator; `logged` is what its programs printed into the step's log. */
export function remoteMachine(
  communicator: Communicator,
  options: Partial<RemoteMachineOptions> = {},
): { machine: RemoteMachine; logged: string[] } {
  const logged: string[] = [];
  const machine = new RemoteMachine({
    communicator,
    architecture: 'amd64',
    sourceDateEpoch: EPOCH,
    onOutput: ({ text }) => void logged.push(text),
    ...options,
  });
  return { machine, logged };
}
