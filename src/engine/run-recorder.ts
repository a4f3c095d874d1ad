import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildEvent } from '../events/build-event.ts';

/**
 * Writes a run's events to `events.ndjson`, whole, as a listener. Nothing is written for a run in which nothing runs:
 * events are held back until the first node starts.
 */
export class RunRecorder implements Disposable {
  readonly #folder: string;
  #held: string[] = [];
  #file: number | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  readonly listen = (event: BuildEvent): void => {
    const line = `${JSON.stringify(event, plainErrors)}\n`;
    if (this.#file !== undefined) return this.#write(line);
    this.#held.push(line);
    if (event.type !== 'node-started') return;
    try {
      mkdirSync(this.#folder, { recursive: true });
      this.#file = openSync(join(this.#folder, 'events.ndjson'), 'a');
    } catch {
      // A full or read-only disk costs the recording, not the build.
      this.#file = -1;
    }
    this.#write(this.#held.join(''));
    this.#held = [];
  };

  [Symbol.dispose](): void {
    if (this.#file !== undefined && this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  #write(text: string): void {
    if (this.#file === undefined || this.#file < 0) return;
    try {
      writeSync(this.#file, text);
    } catch {
      this[Symbol.dispose]();
    }
  }
}

/** Errors as causes become their text; JSON would make them `{}`. */
function plainErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? String(value) : value;
}
