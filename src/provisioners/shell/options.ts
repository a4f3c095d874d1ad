import { basename, extname } from 'node:path';
import type { HostInput } from '../../model/host-input.ts';
import type { ExpandedStep, StepContext } from '../provisioner.ts';
import type { ShellOptions } from '../shell.ts';

/** Host files of a `shell` step: its script, and what it mounts. */
export function shellInputs(options: ShellOptions, context: StepContext): readonly HostInput[] {
  const file = (path: string, option: string): HostInput => ({
    path: context.resolvePath(path),
    type: 'file',
    option,
    modes: false,
    named: true,
  });
  return [
    ...(options.script === undefined ? [] : [file(options.script, 'script')]),
    ...(options.scripts ?? []).map((path, index) => file(path, `scripts[${index}]`)),
    ...options.inputs.map((input, index): HostInput => ({
      path: context.resolvePath(input.source),
      type: 'any',
      option: `inputs[${index}].source`,
      modes: 'all',
      ...(input.exclude === undefined ? {} : { exclude: input.exclude }),
    })),
  ];
}

/** One step for each script, named after the file; equal names get a number. */
export function expandShell(options: ShellOptions): readonly ExpandedStep<ShellOptions>[] {
  const { scripts, ...rest } = options;
  if (scripts === undefined) return [{ suffix: '', options }];
  const used = new Map<string, number>();
  return scripts.map((script, index) => {
    const name = basename(script, extname(script));
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return {
      suffix: count === 1 ? name : `${name}-${count}`,
      options: { ...rest, script },
      option: `scripts[${index}]`,
    };
  });
}

export function shellSecrets(options: ShellOptions): readonly string[] {
  return [...new Set(options.secrets.map((item) => item.secret))];
}
