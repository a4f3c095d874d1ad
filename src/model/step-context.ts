import type { Architecture } from './platform.ts';

/** What a kind may know while it says what it reads and writes. Pure: no machine, no network. */
export interface StepContext {
  /** Resolves a path as written in the template against the template's folder. */
  readonly resolvePath: (path: string) => string;
  readonly architecture: Architecture;
  readonly sourceDateEpoch: number;
}
