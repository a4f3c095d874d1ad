import type * as z from 'zod';
import type { FileReader } from '../packer-hcl/functions/function.ts';

export type ComponentRole = 'builder' | 'provisioner' | 'post-processor' | 'data-source';

/** Options of a block after decoding: texts, numbers, truths, lists and maps of them; what is left out is absent. */
export type ComponentOptions = Readonly<Record<string, unknown>>;

/** What a check may look at. */
export interface CheckWorld {
  readonly files: FileReader;
  /** Relative paths of options start here, as for Packer: the folder it is started in. */
  readonly workingDirectory: string;
  readonly homeDirectory: string;
}

export interface CheckOutcome {
  readonly errors: readonly string[];
  /** Packer says the first of them only, as it is. */
  readonly givesUp?: boolean;
  /** They are about how values are written. */
  readonly isForm?: boolean;
  readonly warnings?: readonly string[];
}

/** One builder, provisioner, post-processor or data source that templates of Packer may name. */
export interface PackerComponent {
  readonly role: ComponentRole;
  readonly type: string;
  readonly summary: string;
  /** Every option with its type and what it does; unknown ones are an error. */
  readonly schema: z.ZodObject;
  /** What Packer finds wrong beyond types, in its words. Touches no network and starts nothing. */
  readonly check: (options: ComponentOptions, world: CheckWorld) => CheckOutcome;
  /** Names under `build.` that only this builder knows. */
  readonly buildValues?: readonly string[];
}

export const isSet = (options: ComponentOptions, name: string): boolean => {
  const value = options[name];
  if (value === undefined || value === null || value === '' || value === false || value === 0) return false;
  if (Array.isArray(value)) return value.length > 0;
  return true;
};

export const textOption = (options: ComponentOptions, name: string): string => {
  const value = options[name];
  return typeof value === 'string' ? value : '';
};

export const listOption = (options: ComponentOptions, name: string): readonly string[] => {
  const value = options[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
};
