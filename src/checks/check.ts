import type { z } from 'zod';
import type { Result } from '../diagnostics/failure.ts';
import type { QemuFormat } from '../model/bootable.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';

/** What a check looks at. */
export interface CheckContext {
  readonly pipeline: Pipeline;
  /** The exported image, not to be written; its format by QEMU's name. */
  readonly image: { readonly path: string; readonly format: QemuFormat };
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Stage of the boot or of the check, for the UI. */
  readonly status: (text: string) => void;
  /** Records a process that must not outlive the run (see DESIGN §4.9), before it is used. */
  readonly ledger: (entry: {
    readonly type: 'process';
    readonly pid: number;
    readonly what: string;
  }) => Promise<void>;
  readonly resolvePath: (path: string) => string;
}

/** A test against an artifact; its verdict is cached by the artifact's digest. */
export interface CheckKind<Schema extends z.ZodObject = z.ZodObject> extends KindDescriptor<Schema> {
  readonly run: (options: z.output<Schema>, context: CheckContext) => Promise<Result<void>>;
}

/** Declares a check; register it in `builtins.ts`. */
export function defineCheck<const Type extends string, Schema extends z.ZodObject>(
  kind: CheckKind<Schema> & { readonly type: Type },
): CheckKind & TypedKind<Type, z.input<Schema>> {
  return kind as unknown as CheckKind & TypedKind<Type, z.input<Schema>>;
}
