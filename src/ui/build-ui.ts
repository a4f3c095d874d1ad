import type { Failure } from '../diagnostics/failure.ts';
import type { EventListener } from '../events/event-sink.ts';

/** Where a user interface writes; `process.stdout` and `process.stderr` are such. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** What every user interface gets from the command line. */
export interface UiOptions {
  /** For results: artifact lines, JSON events. */
  readonly stdout: TextStream;
  /** For everything else. */
  readonly stderr: NodeJS.WriteStream | TextStream;
  readonly color: boolean;
  /** Folder against which paths are shortened. */
  readonly cwd: string;
  /** A time of day before every line of `plain`. */
  readonly timestamps: boolean;
  /** Every line of output of every step in `plain`. */
  readonly verbose: boolean;
  /** Folds and annotations of GitHub Actions in `plain`. */
  readonly github: boolean;
  /** Box-drawing and other characters outside ASCII. */
  readonly unicode: boolean;
}

/** A user interface of one run: a listener of its events and nothing else. */
export interface BuildUi {
  readonly listen: EventListener;
  /** Gives the terminal to `body` (a question, a shell) and takes it back afterwards. */
  suspend<T>(body: () => Promise<T>): Promise<T>;
  /** Last words after the last event. `failures`: those of the run, also where no event told them. */
  finish(failures: readonly Failure[]): Promise<void>;
}
