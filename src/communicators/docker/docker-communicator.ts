import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import type {
  CommandLine,
  CommandOutcome,
  Communicator,
  TransferProgress,
  UploadSource,
} from '../communicator.ts';
import type { DockerCli } from './docker-cli.ts';
import { firstFileOfTar, type TarOwner, tarOfFile } from './file-streams.ts';

export interface DockerCommunicatorOptions {
  readonly cli: DockerCli;
  /** The running container; it may be another one for every operation. */
  readonly container: () => Promise<string>;
  /** User that the container runs as, from its image; empty: root. */
  readonly containerUser: string;
  /** User that runs commands: UID or UID:GID or a name. */
  readonly execUser?: string;
  readonly pty: boolean;
  /** Whether uploads come to belong to the container's user. */
  readonly fixUploadOwner: boolean;
}

/** Takes the command line from a variable, which it forgets before it runs: no process list of the host shows it. */
const RUN = 'imgpipe_command=$IMGPIPE_COMMAND; unset IMGPIPE_COMMAND; eval "($imgpipe_command)"';

/** Longest text that Linux takes as one variable, with room for its name. */
const LONGEST_VARIABLE = 128 * 1024 - 64;

/** The way into a container of the Docker daemon, by `docker exec` and `docker cp`. */
export class DockerCommunicator implements Communicator {
  readonly keepsModes = true;
  readonly #options: DockerCommunicatorOptions;

  constructor(options: DockerCommunicatorOptions) {
    this.#options = options;
  }

  async run({ command, stdin, pty, timeoutMs, onOutput }: CommandLine): Promise<CommandOutcome> {
    const { cli, execUser } = this.#options;
    const container = await this.#options.container();
    const flags = [
      ...(execUser === undefined || execUser === '' ? [] : ['-u', execUser]),
      ...((pty ?? this.#options.pty) ? ['-t'] : []),
    ];
    const isLong = Buffer.byteLength(command) > LONGEST_VARIABLE;
    const words = isLong
      ? ['exec', '-i', ...flags, container, '/bin/sh', '-s']
      : ['exec', '-i', ...flags, '-e', 'IMGPIPE_COMMAND', container, '/bin/sh', '-c', RUN];
    if (isLong && stdin !== undefined) throw failure('a command this long cannot have input');
    const running = cli.run(words, {
      stdin: isLong ? `(${command}\n)` : (stdin ?? ''),
      env: isLong ? {} : { IMGPIPE_COMMAND: command },
      onOutput,
    });
    if (timeoutMs === undefined) return { type: 'exited', code: (await running).code };
    return await withTimeout(running, timeoutMs);
  }

  async uploadFile(
    source: UploadSource,
    target: string,
    options: TransferProgress & { readonly mode?: number } = {},
  ): Promise<void> {
    const { fixUploadOwner } = this.#options;
    const container = await this.#options.container();
    const owner = fixUploadOwner ? ownerOf(this.#options.containerUser) : undefined;
    const archive = await tarOfFile(source, path.posix.basename(target), { mode: options.mode, owner });
    await this.#options.cli.must(
      ['cp', '-', `${container}:${path.posix.dirname(target)}`],
      `Failed to upload to '${target}' in container`,
      { stdin: archive },
    );
    // A name can be looked up in the container only.
    if (fixUploadOwner && owner === undefined) await this.#fixOwner(container, target);
  }

  async uploadTree(source: string, target: string): Promise<void> {
    const container = await this.#options.container();
    await this.#options.cli.must(
      ['cp', `${source.replace(/\/+$/, '')}/.`, `${container}:${target}`],
      `Failed to upload to '${target}' in container`,
    );
    if (this.#options.fixUploadOwner) await this.#fixOwner(container, target);
  }

  async downloadFile(source: string, target: string): Promise<void> {
    if ((await this.#fetch(source, target)) === undefined) {
      throw failure(`Error downloading file: ${source} is not in the container`);
    }
  }

  async downloadTree(source: string, target: string): Promise<void> {
    const container = await this.#options.container();
    await mkdir(target, { recursive: true });
    await this.#options.cli.must(
      ['cp', `${container}:${source.replace(/\/+$/, '')}/.`, target],
      `Failed to download '${source}' from container`,
    );
  }

  async readFile(file: string): Promise<Buffer | undefined> {
    return await this.#fetch(file, undefined);
  }

  /** There is no connection that lasts. */
  async reconnect(): Promise<void> {
    await this.#options.container();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #fetch(source: string, target: string | undefined): Promise<Buffer | undefined> {
    const container = await this.#options.container();
    const { stream, done } = await firstFileOfTar(target);
    const { code, stderr } = await this.#options.cli.run(['cp', '-L', `${container}:${source}`, '-'], {
      stdout: stream,
    });
    if (code === 0) return await done;
    if (/Could not find the file|No such container:path|no such file or directory/i.test(stderr))
      return undefined;
    throw failure(`Failed to download '${source}' from container: ${stderr.trim()}`);
  }

  async #fixOwner(container: string, target: string): Promise<void> {
    const owner = this.#options.containerUser || 'root';
    const command = `chown -R ${shellQuote(owner)} ${shellQuote(target)}`;
    await this.#options.cli.must(
      ['exec', '--user', 'root', container, '/bin/sh', '-c', command],
      'Failed to set owner of the uploaded file',
    );
  }
}

/** Ids where the user's name tells them; undefined: only the container knows. */
function ownerOf(user: string): TarOwner | undefined {
  if (user === '' || user === 'root' || user === '0') return { uid: 0, gid: 0 };
  const ids = /^(\d+)(?::(\d+))?$/.exec(user);
  return ids === null ? undefined : { uid: Number(ids[1]), gid: Number(ids[2] ?? 0) };
}

async function withTimeout(
  running: Promise<{ readonly code: number }>,
  timeoutMs: number,
): Promise<CommandOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CommandOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ type: 'timed-out', afterMs: timeoutMs }), timeoutMs);
  });
  try {
    return await Promise.race([running.then(({ code }): CommandOutcome => ({ type: 'exited', code })), late]);
  } finally {
    clearTimeout(timer);
  }
}

const failure = (message: string): FailureError =>
  new FailureError({ reason: 'communicator-failed', message });
