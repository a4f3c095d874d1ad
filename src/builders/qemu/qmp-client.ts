import { connect, type Socket } from 'node:net';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { LineSplitter } from '../../util/line-splitter.ts';

/** What QEMU says over QMP (QEMU's docs/interop/qmp-spec): one JSON object a line. */
const messageSchema = z.union([
  z.object({
    QMP: z.object({ version: z.object({ qemu: z.object({ major: z.number(), minor: z.number() }) }) }),
  }),
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
]);

export interface QmpEvent {
  /** `SHUTDOWN`, `RESET`, `STOP` … (QEMU's qapi/run-state.json). */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A command that QEMU refused; `kind` is QEMU's error class, usually `GenericError`. */
export class QmpError extends Error {
  readonly kind: string;
  constructor(command: string, kind: string, text: string) {
    super(`QEMU refused ${command}: ${text}`);
    this.name = 'QmpError';
    this.kind = kind;
  }
}

/** QEMU's control socket. Commands may overlap; answers find theirs by number. */
export class QmpClient implements AsyncDisposable {
  readonly version: { readonly major: number; readonly minor: number };
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #next = 0;
  #closed: string | undefined;

  private constructor(
    socket: Socket,
    version: QmpClient['version'],
    lines: (take: (line: string) => void) => void,
  ) {
    this.#socket = socket;
    this.version = version;
    lines((line) => this.#take(line));
    socket.on('close', () => this.#end('QEMU ended'));
  }

  /**
   * Connects to QEMU's QMP socket and leaves its first mode, in which nothing but negotiation works.
   * @throws FailureError `communicator-failed` when what answers is no QEMU
   */
  static async connect(path: string, timeoutMs = 10_000): Promise<QmpClient> {
    const socket = connect(path);
    const client = await new Promise<QmpClient>((resolve, reject) => {
      const refuse = (why: string): void => {
        socket.destroy();
        reject(new FailureError({ reason: 'communicator-failed', message: `QMP ${path}: ${why}` }));
      };
      const timer = setTimeout(() => refuse(`no greeting within ${timeoutMs / 1000} s`), timeoutMs);
      let take = (line: string): void => {
        clearTimeout(timer);
        const greeting = parseMessage(line);
        if (greeting === undefined || !('QMP' in greeting)) return refuse('what answers is not QEMU');
        resolve(new QmpClient(socket, greeting.QMP.version.qemu, (next) => (take = next)));
      };
      const splitter = new LineSplitter((line) => take(line));
      socket.setEncoding('utf8').on('data', (text: string) => splitter.push(text));
      socket.on('error', (error) => refuse(error.message));
      socket.once('close', () => clearTimeout(timer));
    });
    await client.execute('qmp_capabilities', z.unknown());
    return client;
  }

  /**
   * Runs a command and gives its answer as the schema reads it.
   * @throws QmpError when QEMU refuses it; FailureError `communicator-failed` when QEMU ends or its answer is not as expected
   */
  async execute<Schema extends z.ZodType>(
    command: string,
    answer: Schema,
    commandArguments: Readonly<Record<string, unknown>> = {},
  ): Promise<z.output<Schema>> {
    if (this.#closed !== undefined) throw qmpFailure(`${this.#closed} before ${command}`);
    const id = this.#next++;
    const raw = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    });
    const parsed = answer.safeParse(raw);
    if (parsed.success) return parsed.data;
    throw qmpFailure(`${command} was answered with ${JSON.stringify(raw)?.slice(0, 200)}`);
  }

  /** Calls `listener` for every event from now on. @returns what ends that */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The next event of that name. Ask before doing what causes it.
   * @throws FailureError `communicator-failed` when it does not come in time
   */
  waitFor(name: string, timeoutMs: number): Promise<QmpEvent> {
    return new Promise((resolve, reject) => {
      const finish = (body: () => void): void => {
        clearTimeout(timer);
        forget();
        this.#socket.removeListener('close', closed);
        body();
      };
      const closed = (): void => finish(() => reject(qmpFailure(`QEMU ended before ${name}`)));
      const forget = this.onEvent((event) => {
        if (event.name === name) finish(() => resolve(event));
      });
      const timer = setTimeout(
        () => finish(() => reject(qmpFailure(`no ${name} within ${timeoutMs / 1000} s`))),
        timeoutMs,
      );
      this.#socket.once('close', closed);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end('the control connection was closed');
    this.#socket.destroy();
    return Promise.resolve();
  }

  #take(line: string): void {
    const message = parseMessage(line);
    if (message === undefined || 'QMP' in message) return;
    if ('event' in message) {
      for (const listener of [...this.#listeners]) listener({ name: message.event, data: message.data });
      return;
    }
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (message.id === undefined || waiting === undefined) return;
    this.#waiting.delete(message.id);
    if ('error' in message)
      waiting.reject(new QmpError(waiting.command, message.error.class, message.error.desc));
    else waiting.resolve(message.return);
  }

  #end(why: string): void {
    this.#closed ??= why;
    for (const { command, reject } of this.#waiting.values()) reject(qmpFailure(`${why} during ${command}`));
    this.#waiting.clear();
  }
}

function parseMessage(line: string): z.output<typeof messageSchema> | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function qmpFailure(message: string): FailureError {
  return new FailureError({ reason: 'communicator-failed', message: `QMP: ${message}` });
}
