import path from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { TemplateSelection } from '../../engine/api.ts';
import { workingDirectory, type CommonOptions } from './common-options.ts';

/** Options of every command that reads templates; the names are Packer's. */
export interface TemplateOptions extends CommonOptions {
  readonly var?: readonly string[];
  readonly varFile?: readonly string[];
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

export function addTemplateOptions(command: Command): Command {
  return command
    .option('--var <name=value>', 'value of a variable; may be given again', append)
    .option('--var-file <file>', 'file with values of variables (YAML or JSON); may be given again', append)
    .option('--only <globs>', 'only pipelines or exports that match; comma-separated', appendList)
    .option(
      '--except <globs>',
      'all pipelines and exports but those that match; comma-separated',
      appendList,
    );
}

const append = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

const appendList = (value: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  ...value.split(',').filter((glob) => glob !== ''),
];

export function selectionOf(
  context: CliContext,
  pipelines: readonly string[],
  options: TemplateOptions,
): TemplateSelection {
  const cwd = workingDirectory(context, options);
  return {
    pipelines,
    only: options.only ?? [],
    except: options.except ?? [],
    vars: options.var ?? [],
    varFiles: (options.varFile ?? []).map((file) => path.resolve(cwd, file)),
    env: context.env,
  };
}
