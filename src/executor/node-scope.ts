import { mkdirSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventSink } from '../events/event-sink.ts';
import type { OutputChunk } from '../layers/workspace.ts';
import type { GraphNode } from '../model/graph.ts';
import { removeQuietly } from '../util/remove-quietly.ts';

/** How many of the last lines are kept for a failure's excerpt. */
const TAIL_LINES = 40;

/**
 * One node's surroundings while it runs: its log (event stream and file, whole), its scratch folder, progress.
 * Disposing it closes the log and deletes the scratch folder.
 */
export class NodeScope implements AsyncDisposable {
  readonly scratch: string;
  readonly logFile: string;
  readonly signal: AbortSignal;
  readonly #node: GraphNode;
  readonly #sink: EventSink;
  readonly #tail: string[] = [];
  readonly #partial = { stdout: '', stderr: '' };
  #file: Promise<FileHandle> | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  #progressAt = 0;

  constructor(options: {
    node: GraphNode;
    sink: EventSink;
    logFolder: string;
    scratch: string;
    signal: AbortSignal;
  }) {
    this.#node = options.node;
    this.#sink = options.sink;
    this.signal = options.signal;
    this.scratch = options.scratch;
    this.logFile = join(
      options.logFolder,
      `${options.node.id.replaceAll(/[^A-Za-z0-9._[\]=,-]+/g, '_')}.log`,
    );
    mkdirSync(options.logFolder, { recursive: true });
    mkdirSync(options.scratch, { recursive: true });
  }

  /** The last lines of output. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  readonly log = (line: string): void => this.#line('imgpipe', line);

  readonly status = (text: string): void => this.#sink.emit({ type: 'node-status', id: this.#node.id, text });

  /** At most ten a second reach the listeners. */
  readonly progress = (done: number, total: number | undefined, unit: string): void => {
    const now = performance.now();
    if (now - this.#progressAt < 100 && done !== total) return;
    this.#progressAt = now;
    this.#sink.emit({ type: 'node-progress', id: this.#node.id, done, total, unit });
  };

  /** Splits output into lines; a carriage return overwrites, as on a terminal. */
  readonly output = ({ stream, text }: OutputChunk): void => {
    const lines = (this.#partial[stream] + text).split('\n');
    this.#partial[stream] = lines.pop() ?? '';
    for (const line of lines) this.#line(stream, line);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.#line(stream, this.#partial[stream]);
      this.#partial[stream] = '';
    }
    await this.#writes;
    await (await this.#file)?.close();
    removeQuietly(this.scratch);
  }

  #line(stream: 'stdout' | 'stderr' | 'imgpipe', raw: string): void {
    const line = this.#sink.redactor.text(plainText(raw));
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    this.#sink.emit({ type: 'node-log', id: this.#node.id, stream, line });
    this.#file ??= open(this.logFile, 'a');
    const file = this.#file;
    // A log that cannot be written (full disk) must not fail the step; the events still carry the line.
    this.#writes = this.#writes.then(async () => (await file).appendFile(`${line}\n`)).catch(() => undefined);
  }
}

// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** A line without colour codes and with only what a carriage return would leave to be seen. */
function plainText(line: string): string {
  const text = line.replaceAll(ESCAPES, '').replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}
