import type { CliContext } from '../context.ts';
import { runPacker } from './run-packer.ts';

/** Flags of `imgpipe build` that have a meaning for a template of Packer's. */
export interface PackerBuildOptions {
  readonly var?: readonly string[];
  readonly varFile?: readonly string[];
  readonly only?: readonly string[];
  readonly except?: readonly string[];
  readonly onError: string;
  readonly parallelBuilds: number;
  readonly force?: boolean;
  readonly cache: boolean;
  readonly timestampUi?: boolean;
}

/** Builds a template of Packer's that was named to `imgpipe build`. Gives the exit code. */
export async function buildPackerTemplate(
  file: string,
  options: PackerBuildOptions,
  context: CliContext,
): Promise<number> {
  const { only, except, onError } = options;
  return await runPacker(
    [
      'build',
      ...(options.var ?? []).flatMap((pair) => ['-var', pair]),
      ...(options.varFile ?? []).map((name) => `-var-file=${name}`),
      ...(only === undefined ? [] : [`-only=${only.join(',')}`]),
      ...(except === undefined ? [] : [`-except=${except.join(',')}`]),
      ...(onError === 'shell' ? [] : [`-on-error=${onError}`]),
      `-parallel-builds=${options.parallelBuilds}`,
      ...(options.force === true ? ['-force'] : []),
      ...(options.cache ? [] : ['-no-cache']),
      ...(options.timestampUi === true ? ['-timestamp-ui'] : []),
      ...(context.stdout.isTTY === true ? [] : ['-color=false']),
      file,
    ],
    context,
  );
}
