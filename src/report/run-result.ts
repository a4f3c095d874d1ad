import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { listFolder } from '../cache/journal.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';

const imageSchema = z.object({
  pipeline: z.string(),
  /** Bottom first. */
  layers: z.array(z.object({ step: z.string(), digest: z.string() })),
  artifacts: z.array(z.object({ name: z.string(), size: z.number(), sha256: z.string() })),
});

const schema = z.object({
  runId: z.string(),
  startedAt: z.string(),
  outcome: z.enum(['succeeded', 'failed', 'aborted']),
  /** Pipelines of which the run gave, or found, all layers. */
  images: z.array(imageSchema),
});

export type RunImage = z.output<typeof imageSchema>;

/** What a run gave: `logs/<run>/result.json`. */
export type RunResult = z.output<typeof schema>;

/** As `newRunId` makes them. */
export const RUN_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

const fileOf = (layout: StoreLayout, runId: string): string => join(layout.logFolder(runId), 'result.json');

/** Keeps what a run gave, for `imgpipe diff`. A disk that is full or read-only costs this note, not the build. */
export function writeRunResult(layout: StoreLayout, result: RunResult): void {
  try {
    writeFileAtomic(fileOf(layout, result.runId), `${JSON.stringify(result)}\n`);
  } catch {
    // The layers and their records are in the store all the same.
  }
}

/** What a run gave; undefined when nothing is known of it, or no longer. */
export function readRunResult(layout: StoreLayout, runId: string): RunResult | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(fileOf(layout, runId), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Ids of the runs whose results are kept, the latest first. */
export function listRunResults(layout: StoreLayout): string[] {
  return listFolder(layout.folder('logs'))
    .filter((name) => RUN_ID.test(name))
    .toSorted()
    .toReversed();
}
