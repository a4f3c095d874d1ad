import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../diagnostics/failure.ts';
import type { OutputChunk } from '../../util/exec.ts';
import { traceEnvironment } from '../../util/trace-point.ts';
import { namespaceHint, privateNamespaces } from './namespaces.ts';
import type { AgentRequest, AgentResults, RequestOf, ToAgent } from './protocol.ts';
import type * as ReplySchema from './reply-schema.ts';
import type { FromAgent } from './reply-schema.ts';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onOutput: ((chunk: OutputChunk) => void) | undefined;
}

export interface RequestOptions {
  readonly onOutput?: (chunk: OutputChunk) => void;
  /** Ends the program of a `spawn`; the request then resolves with how it ended. */
  readonly signal?: AbortSignal;
}

/** How much of what the helper prints (only on a bug or when it cannot start) is kept for the message. */
const KEPT_OUTPUT = 4000;

/** The helper process of one workspace, seen from imgpipe. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #parse: typeof ReplySchema;
  readonly #pending = new Map<number, Pending>();
  readonly #ready: Promise<void>;
  readonly #exited: Promise<void>;
  #output = '';
  #failure: Error | undefined;
  #counter = 0;

  private constructor(child: ChildProcess, parse: typeof ReplySchema) {
    this.#child = child;
    this.#parse = parse;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => this.#end(resolve, error));
      child.once('close', () => this.#end(resolve));
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: () => resolve(), reject, onOutput: undefined });
    });
    child.on('message', (message) => this.#receive(parse.fromAgent.parse(message)));
    // Nobody may wait yet: the failure is told by the first request.
    this.#ready.catch(() => undefined);
  }

  /** Starts the helper of `run`; requests may be sent at once. @throws FailureError `permission-denied` */
  static async start(storeDirectory: string, run: string): Promise<AgentProcess> {
    const active = join(storeDirectory, 'active');
    mkdirSync(active, { recursive: true });
    // The kernel's list of mounts, which the helper looks into, has real paths.
    const settings = JSON.stringify({ store: realpathSync(storeDirectory), run });
    const [program = '', ...args] = privateNamespaces(join(active, `${run}.lock`), [
      process.execPath,
      agentEntry(),
      settings,
    ]);
    const child = spawn(program, args, {
      cwd: '/',
      env: {
        PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`,
        LC_ALL: 'C.UTF-8',
        ...traceEnvironment(),
      },
      // Away from the terminal: Ctrl-C is imgpipe's to handle.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    return new AgentProcess(child, await import('./reply-schema.ts'));
  }

  /** Number, as seen from here, of the first process inside the namespaces, for nsenter(1). */
  async innerPid(): Promise<number> {
    await this.#ready;
    const outer = this.#child.pid ?? 0;
    return Number(readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')[0]);
  }

  /** @throws FailureError what the helper answered; Error when it has gone away */
  async request<Type extends AgentRequest['type']>(
    request: RequestOf<Type>,
    options: RequestOptions = {},
  ): Promise<AgentResults[Type]> {
    await this.#ready;
    if (this.#failure !== undefined) throw this.#failure;
    this.#counter += 1;
    const id = this.#counter;
    const cancel = () => this.#send({ type: 'cancel', id });
    try {
      const result = await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, onOutput: options.onOutput });
        this.#send({ type: 'request', id, request });
        if (options.signal?.aborted === true) cancel();
        options.signal?.addEventListener('abort', cancel);
      });
      // The schema of a type gives that type's result; the compiler cannot follow that through a union.
      return this.#parse.resultSchemas[request.type].parse(result) as AgentResults[Type];
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      this.#pending.delete(id);
    }
  }

  /** Ends the helper and all that runs in it: in order within `patienceMs`, else by force. */
  async stop(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await this.request({ type: 'stop' }).catch(() => undefined);
    await this.#exited;
    clearTimeout(timer);
  }

  #send(message: ToAgent): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(message: FromAgent): void {
    if (message.type === 'ready') {
      this.#pending.get(0)?.resolve(undefined);
      this.#pending.delete(0);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (message.type === 'output') pending?.onOutput?.(message);
    else if (message.type === 'done') pending?.resolve(message.result);
    else if (message.type === 'broken') pending?.reject(new Error(`workspace: ${message.error}`));
    else {
      const failures = message.failures.map(({ reason, message: text, hint }) => ({
        reason,
        message: text,
        ...(hint === undefined ? {} : { hint }),
      }));
      pending?.reject(new FailureError(...failures));
    }
  }

  #end(resolve: () => void, error?: NodeJS.ErrnoException): void {
    const details = (error?.message ?? this.#output).trim();
    this.#failure = this.#pending.has(0)
      ? startFailure(error, details)
      : new Error(`the workspace's helper process ended: ${details}`);
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
    resolve();
  }
}

function startFailure(error: NodeJS.ErrnoException | undefined, details: string): FailureError {
  if (error?.code === 'ENOENT') {
    return new FailureError({
      reason: 'tool-missing',
      message: `setpriv is not installed: ${details}`,
      hint: 'Install the package `util-linux`.',
    });
  }
  return new FailureError({
    reason: 'permission-denied',
    message: `private namespaces cannot be made: ${details}`,
    hint: namespaceHint(),
  });
}

/** From sources the TypeScript file, which Node runs as it is; in the bundle its sibling. */
function agentEntry(): string {
  const entry = import.meta.url.endsWith('.ts') ? './agent/main.ts' : './agent.mjs';
  return fileURLToPath(new URL(entry, import.meta.url));
}
