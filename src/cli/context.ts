import type { Failure } from '../diagnostics/failure.ts';
import type { TextStream } from '../ui/build-ui.ts';
import type { Engine } from '../engine/api.ts';

/** The world as a command sees it; tests give their own. */
export interface CliContext {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C, SIGTERM or a closed output. */
  readonly signal: AbortSignal;
  /** Says that the command ends cleanly by itself on `signal`; others are ended at once. */
  readonly takeSignals: () => void;
  /** Loaded by the first command that needs it: `--help` and `--version` do not. */
  readonly engine: () => Promise<Engine>;
}

/** How a command ends: an exit code, or failures, which are printed and give it. */
export type CommandEnd = number | { readonly failures: readonly Failure[] };

declare const IMGPIPE_VERSION: string | undefined;

/** The version of the package; set by the bundler. */
export const VERSION = typeof IMGPIPE_VERSION === 'string' ? IMGPIPE_VERSION : '0.0.0-source';
