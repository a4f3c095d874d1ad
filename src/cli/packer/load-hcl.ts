import type { Failure } from '../../diagnostics/failure.ts';
import { evaluateDataSources } from '../../template/packer-hcl/data/evaluate-data.ts';
import { type LoadOptions, loadPackerTemplate } from '../../template/packer-hcl/load/load.ts';
import type { LoadOutcome } from '../../template/packer-hcl/load/parsed-template.ts';
import type { Value } from '../../template/packer-hcl/values/value.ts';
import type { CommandWork } from './command.ts';
import { readStdin } from './read-stdin.ts';
import type { TemplateFlags } from './template-flags.ts';
import { PACKER_VERSION } from '../../template/packer-kinds/packer-version.ts';

/** What loading a template needs of a command's work. */
export type LoadWork = Pick<CommandWork, 'context' | 'servers'>;

export function hclOptions(flags: TemplateFlags, { context, servers }: LoadWork): LoadOptions {
  return {
    ...(flags.path !== undefined && { template: flags.path }),
    variables: flags.variables,
    variableFiles: flags.variableFiles,
    packerVersion: PACKER_VERSION,
    sequential: flags.sequential,
    world: { workingDirectory: context.cwd, environment: context.env, servers },
  };
}

export interface HclOutcome extends LoadOutcome {
  /** What it was loaded with, values of data sources included. */
  readonly options: LoadOptions;
  readonly dataValues: ReadonlyMap<string, Value>;
}

/**
 * Loads an HCL2 template, `-` from standard input; what its functions ask servers is answered. With `data`, its data
 * sources are read as well, each after those it needs; `parseOnly` evaluates nothing.
 */
export async function loadHcl(
  flags: TemplateFlags,
  work: LoadWork,
  {
    data,
    world,
    parseOnly = false,
  }: { readonly data: boolean; readonly world?: LoadOptions['world']; readonly parseOnly?: boolean },
): Promise<HclOutcome> {
  const { context, servers } = work;
  const content = flags.path === '-' ? await readStdin(context) : undefined;
  const plain = hclOptions(flags, work);
  const options = {
    ...plain,
    parseOnly,
    world: { ...plain.world, ...world },
    ...(content !== undefined && { content }),
  };
  const load = (more: Partial<LoadOptions>): Promise<LoadOutcome> =>
    servers.answering(context.signal, () => loadPackerTemplate({ ...options, ...more }));
  const first = await load({});
  if (!data || first.template.dataSources.length === 0 || first.parseFailures.length > 0) {
    return { ...first, options, dataValues: new Map() };
  }
  const dataValues = new Map<string, Value>();
  const failures: Failure[] = [];
  let outcome: LoadOutcome = first;
  // Locals may need data and data may need locals: what has become known lets more be read.
  for (let round = 0; round <= first.template.dataSources.length; round += 1) {
    const read = await evaluateDataSources(outcome.template, dataValues, context.signal);
    failures.push(...read.failures);
    if (read.values.size === 0) break;
    for (const [name, value] of read.values) dataValues.set(name, value);
    outcome = await load({ dataValues });
  }
  const read = { ...options, dataValues };
  return { ...outcome, failures: [...outcome.failures, ...failures], options: read, dataValues };
}
