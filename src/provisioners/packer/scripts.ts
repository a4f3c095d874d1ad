import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import type { HostInput } from '../../model/host-input.ts';
import type { ExpandedStep, StepContext } from '../provisioner.ts';
import { stepFailure } from './step-failure.ts';

export interface ScriptOptions {
  readonly inline?: readonly string[] | undefined;
  readonly script?: string | undefined;
  readonly scripts?: readonly string[] | undefined;
  readonly pause_after?: string | undefined;
}

/** The scripts of a step are host files whose content is part of its key. */
export function scriptInputs(options: ScriptOptions, context: StepContext): readonly HostInput[] {
  const file = (path: string, option: string): HostInput => ({
    path: context.resolvePath(path),
    type: 'file',
    option,
    modes: false,
  });
  const { script, scripts = [] } = options;
  return [
    ...(isGiven(script) ? [file(script, 'script')] : []),
    ...scripts.map((path, index) => file(path, `scripts[${index}]`)),
  ];
}

/** One step for each of `scripts`, named after the file; the pause comes after the last one. */
export function expandScripts<Options extends ScriptOptions>(
  options: Options,
): readonly ExpandedStep<Options>[] {
  const { scripts = [], pause_after: pause, ...rest } = options;
  if (scripts.length === 0) return [{ suffix: '', options }];
  const used = new Map<string, number>();
  return scripts.map((script, index) => {
    const name = basename(script, extname(script));
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    const last = index === scripts.length - 1 && pause !== undefined;
    return {
      suffix: count === 1 ? name : `${name}-${count}`,
      options: { ...rest, script, ...(last ? { pause_after: pause } : {}) } as unknown as Options,
      option: `scripts[${index}]`,
    };
  });
}

export const isGiven = (text: string | undefined): text is string => text !== undefined && text !== '';

/** Reads a script of this host. @throws FailureError `input-missing` */
export async function readScript(path: string, context: StepContext): Promise<Buffer> {
  try {
    return await readFile(context.resolvePath(path));
  } catch (cause) {
    throw stepFailure(`Error opening script: ${path} cannot be read`, { reason: 'input-missing', cause });
  }
}

/** Lines that end as on Unix, the last one too. Works on bytes: scripts may be in any encoding. */
export function unixLines(script: Buffer): Buffer {
  if (script.length === 0) return script;
  const text = script.toString('latin1').replaceAll('\r\n', '\n');
  const ended = text.endsWith('\n') ? text : `${text.replace(/\r$/, '')}\n`;
  return Buffer.from(ended, 'latin1');
}

/** A number below `limit` for names of files in the machine: the same for the same step, other than Packer's dice. */
export const stableNumber = (seed: string, limit: number): number =>
  createHash('sha256').update(seed).digest().readUInt32BE(0) % limit;

/** What a script made of `inline` is called to people: in the form of the temporary file that Packer makes of it. */
export const inlineName = (prefix: string, content: Buffer): string =>
  join(tmpdir(), `${prefix}${stableNumber(content.toString('latin1'), 2 ** 32)}`);

/** A name in the form of a UUID, the same for the same step. */
export function stableUuid(seed: string): string {
  const hex = createHash('sha256').update(seed).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** @throws FailureError in Packer's words when the exit code does not mean success */
export function checkExitCode(code: number, valid: readonly number[] | undefined): void {
  const allowed = valid === undefined || valid.length === 0 ? [0] : valid;
  if (allowed.includes(code)) return;
  throw stepFailure(
    `Script exited with non-zero exit status: ${code}. Allowed exit codes are: [${allowed.join(' ')}]`,
  );
}
