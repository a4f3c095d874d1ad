import * as z from 'zod';
import { FAILURE_REASONS, type FailureReason } from '../../diagnostics/failure-reasons.ts';
import { asDigest } from '../../model/ids.ts';
import type { AgentResults } from './protocol.ts';

const failure = z.object({
  reason: z.enum(Object.keys(FAILURE_REASONS) as [FailureReason, ...FailureReason[]]),
  message: z.string(),
  hint: z.string().optional(),
});

/** What the helper process sends. */
export const fromAgent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({
    type: z.literal('output'),
    id: z.number(),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  }),
  z.object({ type: z.literal('done'), id: z.number(), result: z.unknown() }),
  /** Expected failures. */
  z.object({ type: z.literal('failed'), id: z.number(), failures: z.array(failure) }),
  /** A bug in the helper. */
  z.object({ type: z.literal('broken'), id: z.number(), error: z.string() }),
]);

export type FromAgent = z.infer<typeof fromAgent>;

const layerRef = z.object({
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .transform(asDigest),
  size: z.number(),
  entries: z.number(),
});
const mounted = z.object({ id: z.string(), mountPoint: z.string() });

export const resultSchemas = {
  activate: mounted,
  'mount-view': mounted,
  spawn: z.discriminatedUnion('type', [
    z.object({ type: z.literal('exited'), code: z.number() }),
    z.object({ type: z.literal('signaled'), signal: z.string() }),
    z.object({ type: z.literal('timed-out'), afterMs: z.number() }),
  ]),
  commit: layerRef,
  discard: z.null(),
  'write-layer': layerRef,
  verify: z.enum(['intact', 'damaged', 'missing']),
  'read-text': z.string().nullable(),
  'read-active': z.string().nullable(),
  'write-active': z.null(),
  'prepare-mount-points': z.object({ paths: z.array(z.string()), made: z.array(z.string()) }),
  'remove-mount-points': z.null(),
  remove: z.null(),
  'take-away': z.null(),
  settle: z.null(),
  stop: z.null(),
} satisfies { [Type in keyof AgentResults]: z.ZodType<AgentResults[Type]> };
