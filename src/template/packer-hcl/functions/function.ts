import type { ServerAnswers } from '../../packer-servers/server-question.ts';
import { type BigFloat } from '../values/big-float.ts';
import { DYNAMIC, type Type } from '../values/type.ts';
import type { Value } from '../values/value.ts';

/** What functions may know of the world around the template. */
export interface FunctionWorld {
  /** Folder of the template: relative paths of `file`, `fileset`, `templatefile` start here. */
  readonly baseDirectory: string;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** The time of the run; the same for every call. */
  readonly now: Date;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: FileReader;
  /** What `vault`, `consul_key` and `aws_secretsmanager` ask. */
  readonly servers: ServerAnswers;
  randomBytes(length: number): Uint8Array;
}

/** Reading of the user's files; each call throws the operating system's error. */
export interface FileReader {
  read(path: string): Uint8Array;
  /** Undefined when nothing is there. */
  kind(path: string): 'file' | 'directory' | 'other' | undefined;
  list(path: string): readonly { readonly name: string; readonly directory: boolean }[];
}

export interface Parameter {
  readonly name: string;
  /** Arguments are converted to this type before the call. */
  readonly type: Type;
  readonly allowNull?: boolean;
  /** The function is called even when the argument is not (wholly) known. */
  readonly allowUnknown?: boolean;
}

/** One function of the library. */
export interface FunctionDefinition {
  readonly parameters: readonly Parameter[];
  /** Takes all arguments after `parameters`. */
  readonly rest?: Parameter;
  /** The type of the result while an argument is unknown. */
  readonly returns: Type;
  /** Throws `FunctionError` for arguments it can do nothing with. */
  readonly call: (args: readonly Value[], world: FunctionWorld) => Value;
}

export type FunctionTable = ReadonlyMap<string, FunctionDefinition>;

/** A call that has no result; the message is a clause, `argument` the index of the argument at fault. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly argument: number | undefined;
  constructor(message: string, argument?: number, cause?: unknown) {
    super(message, { cause });
    this.argument = argument;
  }
}

export const parameter = (name: string, type: Type = DYNAMIC, more: Partial<Parameter> = {}): Parameter => ({
  name,
  type,
  ...more,
});

/** The text of a string argument. */
export function textOf(value: Value | undefined): string {
  return typeof value?.data === 'string' ? value.data : '';
}

/** The number of a number argument. */
export function numberOf(value: Value | undefined): BigFloat {
  return value?.data as BigFloat;
}

/** A number argument as an integer that JavaScript holds exactly. */
export function integerOf(value: Value | undefined, argument: number): number {
  const number = numberOf(value);
  const plain = number.toNumber();
  if (!number.isInteger() || !Number.isSafeInteger(plain))
    throw new FunctionError('a whole number is required', argument);
  return plain;
}
