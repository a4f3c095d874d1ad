import { z } from 'zod';
import type { KeyInputs } from './key-inputs.ts';

const layerOutput = z.object({
  type: z.literal('layer'),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.number(),
  entries: z.number(),
});

const artifactOutput = z.object({
  type: z.literal('artifact'),
  path: z.string(),
  size: z.number(),
  sha256: z.string(),
  /** Size, times and inode of the file when it was written: a changed file is not taken for it. */
  fingerprint: z.string(),
});

const output = z.discriminatedUnion('type', [
  layerOutput,
  /** A raw disk under `disks/`; named by the record's key. */
  z.object({ type: z.literal('disk'), diskKey: z.string(), size: z.number() }),
  artifactOutput,
  z.object({ type: z.literal('passed') }),
]);

/** What a node gave. */
export type NodeOutput = z.output<typeof output>;
export type ArtifactOutput = z.output<typeof artifactOutput>;

const record = z.object({
  key: z.string(),
  /** Node that wrote it, for people; another node with equal inputs uses it as well. */
  node: z.string(),
  inputs: z.custom<KeyInputs>((value) => typeof value === 'object' && value !== null),
  output,
  durationMs: z.number(),
  createdAt: z.string(),
  /**
   * Boot in which it was written. After a power cut its layer may have lost bytes that never reached the disk, so
   * under another boot the layer is verified once before it is used, unless `synced` says that it did.
   */
  bootId: z.string(),
  synced: z.boolean().default(false),
});

/** What a key gave, as stored under `actions/`. */
export type ActionRecord = z.output<typeof record>;

const latest = z.object({
  node: z.string(),
  key: z.string(),
  inputs: z.custom<KeyInputs>((value) => typeof value === 'object' && value !== null),
  output,
  /** Digests of the layers below by node, when there were not too many, so that a later miss can name the changed one. */
  below: z.record(z.string(), z.string()).optional(),
  durationMs: z.number(),
  ranAt: z.string(),
});

/** The last result of a node, for history, `why` and expected durations. */
export type LatestRecord = z.output<typeof latest>;

/** A record, or undefined when the text is not one: corrupt equals miss. */
export function parseActionRecord(text: string): ActionRecord | undefined {
  return parse(record, text);
}

/** As `parseActionRecord`, for the last record of a node. */
export function parseLatestRecord(text: string): LatestRecord | undefined {
  return parse(latest, text);
}

function parse<T extends z.ZodType>(schema: T, text: string): z.output<T> | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
