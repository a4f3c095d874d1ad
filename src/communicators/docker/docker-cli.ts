import { spawn } from 'node:child_process';
import { type Readable, type Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { FailureError } from '../../diagnostics/failure.ts';
import type { FailureReason } from '../../diagnostics/failure-reasons.ts';
import type { OutputChunk } from '../../layers/workspace.ts';

export interface DockerCliOptions {
  /** The docker program, or one that takes the same words. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** Folder of its settings and logins in the place of the user's own. */
  readonly configFolder?: string;
}

export interface DockerCall {
  /** Text that goes to its standard input. */
  readonly stdin?: string | Readable;
  /** Takes the bytes of its standard output, which are then not in the result. */
  readonly stdout?: Writable;
  readonly onOutput?: (chunk: OutputChunk) => void;
  /** Added to the user's environment: a place for what no process list may show. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface DockerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The docker program with the user's environment (`DOCKER_HOST`, contexts, logins), as Packer calls it. */
export class DockerCli {
  readonly options: DockerCliOptions;

  constructor(options: DockerCliOptions) {
    this.options = options;
  }

  /** Runs it to its end. @throws FailureError `tool-missing`, `aborted` */
  async run(args: readonly string[], call: DockerCall = {}): Promise<DockerResult> {
    const { program, signal, configFolder } = this.options;
    signal.throwIfAborted();
    const child = spawn(
      program,
      [...(configFolder === undefined ? [] : ['--config', configFolder]), ...args],
      {
        env: { ...process.env, ...call.env },
        stdio: ['pipe', 'pipe', 'pipe'],
        // Its own group: Ctrl-C at the terminal ends the run in good order, not the program in the middle of it.
        detached: true,
      },
    );
    const said = { stdout: '', stderr: '' };
    const stop = (): void => void child.kill();
    signal.addEventListener('abort', stop, { once: true });
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(notStarted(program, error)));
      child.once('close', (code) => resolve(code ?? 1));
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      if (stream === 'stdout' && call.stdout !== undefined) {
        child.stdout.pipe(call.stdout);
        // Nobody would read the rest, and it would wait for ever.
        call.stdout.once('error', stop);
        continue;
      }
      const decoder = new StringDecoder('utf8');
      const take = (text: string): void => {
        if (text === '') return;
        said[stream] += text;
        call.onOutput?.({ stream, text });
      };
      child[stream].on('data', (bytes: Buffer) => take(decoder.write(bytes)));
      child[stream].on('end', () => take(decoder.end()));
    }
    // EPIPE: it ended without reading everything, and says itself why.
    child.stdin.on('error', () => undefined);
    if (typeof call.stdin === 'object') call.stdin.pipe(child.stdin);
    else child.stdin.end(call.stdin ?? '');
    try {
      const code = await ended;
      if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
      return { code, ...said };
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /**
   * Runs what must succeed and gives its standard output without white space around it.
   * @param what begins the message of the failure, in Packer's words: `Error committing container`
   */
  async must(
    args: readonly string[],
    what: string,
    call: DockerCall & { readonly reason?: FailureReason } = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, call);
    if (code === 0) return stdout.trim();
    const full = stderr.includes('no space left on device');
    throw new FailureError({
      reason: full ? 'disk-full' : (call.reason ?? 'communicator-failed'),
      message: `${what}: exit status ${code}\nStderr: ${stderr.trim()}`,
      ...hintFor(stderr),
    });
  }
}

function notStarted(program: string, cause: Error): FailureError {
  return new FailureError({
    reason: 'tool-missing',
    message: `the program ${program} cannot be started: ${cause.message}`,
    hint: 'Install Docker (Debian: docker.io), or name the program by `docker_path`.',
    cause,
  });
}

function hintFor(stderr: string): { readonly hint?: string } {
  return stderr.includes('Cannot connect to the Docker daemon')
    ? { hint: 'Start the Docker daemon, or say where it is by DOCKER_HOST.' }
    : {};
}
