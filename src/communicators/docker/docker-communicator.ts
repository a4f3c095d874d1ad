import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import type {
  CarriedScript,
  CommandLine,
  CommandOutcome,
  Communicator,
  ScriptOutcome,
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

/**
 * As `RUN`, between the writing of a script that comes in a variable as well and its end. `$1`: its path, `$2`: its mode,
 * `$3`: a word by which the host knows what did not work, `$4`: `remove`, or not.
 */
const RUN_SCRIPT = `
{ printf %s "$IMGPIPE_SCRIPT" >"$1" && chmod "$2" "$1"; } 2>/dev/null || { echo "$3 unwritten" >&2; exit 1; }
imgpipe_command=$IMGPIPE_COMMAND
unset IMGPIPE_COMMAND IMGPIPE_SCRIPT
eval "(set --; $imgpipe_command)"
imgpipe_code=$?
if [ "$imgpipe_code" = 0 ] && [ "$4" = remove ]; then rm -f "$1" 2>/dev/null || echo "$3 kept" >&2; fi
exit "$imgpipe_code"`;

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

  async runScript(
    { content, path: target, mode, remove }: CarriedScript,
    { command, onOutput, pty }: CommandLine,
  ): Promise<ScriptOutcome | undefined> {
    const { cli, execUser = '', fixUploadOwner } = this.#options;
    const text = content.toString('utf8');
    // Only where the file comes to be as `uploadFile` makes it.
    const isPlain = execUser === '' && fixUploadOwner && !(pty ?? this.#options.pty);
    const fits = [content.length, Buffer.byteLength(command)].every((size) => size <= LONGEST_VARIABLE);
    if (!isPlain || !fits || text.includes('\0') || !Buffer.from(text).equals(content)) return undefined;
    const container = await this.#options.container();
    const mark = `imgpipe-${randomUUID()}`;
    let noted = '';
    const { code } = await cli.run(
      [
        ...['exec', '-i', '-e', 'IMGPIPE_COMMAND', '-e', 'IMGPIPE_SCRIPT', container],
        ...['/bin/sh', '-c', RUN_SCRIPT, 'sh', target, mode.toString(8), mark, remove ? 'remove' : 'keep'],
      ],
      {
        env: { IMGPIPE_COMMAND: command, IMGPIPE_SCRIPT: text },
        onOutput: (chunk) => {
          const at = chunk.stream === 'stderr' ? chunk.text.indexOf(mark) : -1;
          if (at !== -1) noted = chunk.text.slice(at);
          const shown = at === -1 ? chunk.text : chunk.text.slice(0, at);
          if (shown !== '') onOutput({ ...chunk, text: shown });
        },
      },
    );
    if (noted.includes('unwritten')) return undefined;
    return { outcome: { type: 'exited', code }, removed: remove && code === 0 && noted === '' };
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
