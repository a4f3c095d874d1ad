import type { CompiledProject } from '../../engine/compile.ts';
import { formatDuration } from '../../ui/format.ts';
import { painter, type Tone } from '../../ui/paint.ts';
import type { Plan, PlanRow, PlanState } from '../../plan/plan.ts';
import type { CliContext, CommandEnd } from '../context.ts';
import { defineCommand } from '../define-command.ts';
import type { CacheUse, Project } from '../../engine/api.ts';
import { openCompiled } from '../open-project.ts';
import { usesColor } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';
import { formatTable } from '../output/table.ts';

interface PlanOptions extends TemplateOptions {
  readonly json?: boolean;
  readonly cache?: boolean;
  readonly grow?: boolean;
}

export const planCommand = defineCommand<PlanOptions>({
  name: 'plan',
  summary: 'Show what a build would do, and why; runs nothing',
  description:
    'hit: taken from the cache. miss: runs. pending: depends on a step that runs first, and may still be a hit then. ' +
    'untracked: runs every time.',
  examples: [
    { line: 'imgpipe plan', about: 'all pipelines' },
    { line: 'imgpipe plan web --json', about: 'for programs' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[pipelines...]', 'globs of pipeline names; default: all'))
      .option('--no-cache', 'as if the cache were empty')
      .option('--grow', 'with package lists grown from cached parts of them')
      .option('--json', 'rows as JSON'),
  async run(context, [pipelines], options) {
    const opened = await openCompiled(context, pipelines as string[], options);
    if (!opened.ok) return opened;
    const { project, compiled } = opened.value;
    return await printPlan(
      context,
      project,
      compiled,
      { noCache: options.cache === false, force: false, ...(options.grow === true && { grow: true }) },
      options,
    );
  },
});

const TONES: Record<PlanState, Tone> = { hit: 'dim', miss: 'warn', pending: 'info', untracked: 'warn' };

/** Prints the plan to standard output. */
export async function printPlan(
  context: CliContext,
  project: Project,
  compiled: CompiledProject,
  cacheUse: CacheUse,
  options: PlanOptions,
): Promise<CommandEnd> {
  const plan = await project.plan(compiled, cacheUse);
  if (!plan.ok) return plan;
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify(plan.value.rows, undefined, 2)}\n`);
    return 0;
  }
  const paint = painter(usesColor(context.stdout, options.color, context.env));
  const { rows } = plan.value;
  const [title = '', ...lines] = formatTable(
    [
      { title: 'STEP' },
      { title: 'KIND' },
      { title: 'STATE' },
      { title: 'TIME', align: 'right' },
      { title: 'REASON' },
    ],
    rows.map((row) => [row.id, row.kind, row.state, expected(row), row.reason]),
  );
  context.stdout.write(`${paint('bold', title)}\n`);
  for (const [index, line] of lines.entries()) {
    context.stdout.write(`${paint(TONES[rows[index]?.state ?? 'miss'], line)}\n`);
  }
  context.stdout.write(`\n${planTotals(plan.value)}\n`);
  return 0;
}

const expected = (row: PlanRow): string =>
  row.expectedSeconds === undefined ? '' : formatDuration(row.expectedSeconds * 1000);

function planTotals({ rows }: Plan): string {
  const states = Map.groupBy(rows, (row) => row.state);
  const parts = (['miss', 'pending', 'untracked', 'hit'] as const)
    .map((state) => [state, states.get(state)?.length ?? 0] as const)
    .filter(([, number]) => number > 0);
  const seconds = rows.reduce((sum, row) => sum + (row.expectedSeconds ?? 0), 0);
  const time = seconds > 0 ? `; at most ${formatDuration(seconds * 1000)} of work by past runs` : '';
  return `${parts.map(([state, number]) => `${number} ${state}`).join(', ')}${time}`;
}
