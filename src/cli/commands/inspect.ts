import type { Pipeline } from '../../model/pipeline.ts';
import { painter, type Paint } from '../../ui/paint.ts';
import { shortPath } from '../../ui/summary.ts';
import { defineCommand } from '../define-command.ts';
import { openProject } from '../open-project.ts';
import { usesColor, workingDirectory } from '../options/common-options.ts';
import { addTemplateOptions, selectionOf, type TemplateOptions } from '../options/template-options.ts';
import { formatTable } from '../output/table.ts';

interface InspectOptions extends TemplateOptions {
  readonly json?: boolean;
}

export const inspectCommand = defineCommand<InspectOptions>({
  name: 'inspect',
  summary: 'List variables, pipelines, steps, exports and checks of the templates',
  examples: [
    { line: 'imgpipe inspect', about: 'everything in the project' },
    { line: 'imgpipe inspect web --json', about: 'resolved options of every step' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[pipelines...]', 'globs of pipeline names; default: all')).option(
      '--json',
      'variables and resolved pipelines as JSON',
    ),
  async run(context, [pipelines], options) {
    const selection = selectionOf(context, pipelines as string[], options);
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const variables = await project.value.variables(selection);
    if (!variables.ok) return variables;
    const template = await project.value.loadTemplate(selection);
    if (options.json === true) {
      if (!template.ok) return template;
      const secrets = template.value.secrets.map(({ name, from }) => ({ name, from: from.type }));
      const shown = { variables: variables.value, pipelines: template.value.pipelines, secrets };
      context.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
      return 0;
    }
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    const lines: string[] = [];
    if (variables.value.length > 0) {
      const [title = '', ...rows] = formatTable(
        [{ title: 'VARIABLE' }, { title: 'TYPE' }, { title: 'DEFAULT' }, { title: 'DESCRIPTION' }],
        variables.value.map((variable) => [
          variable.name,
          variable.type,
          variable.sensitive
            ? '<sensitive>'
            : variable.required
              ? '(must be given)'
              : (variable.defaultValue ?? ''),
          variable.description ?? '',
        ]),
      );
      lines.push(paint('bold', title), ...rows, '');
    }
    const cwd = workingDirectory(context, options);
    // Variables are shown even when one of them has no value, which is then said below.
    if (template.ok)
      lines.push(...template.value.pipelines.flatMap((pipeline) => describe(pipeline, paint, cwd)));
    context.stdout.write(lines.map((line) => `${line}\n`).join(''));
    return template.ok ? 0 : template;
  },
});

function describe(pipeline: Pipeline, paint: Paint, cwd: string): string[] {
  const place = `${shortPath(pipeline.origin.file, cwd)}:${pipeline.origin.line}`;
  const about = pipeline.description === undefined ? [] : [`  ${pipeline.description}`];
  const names = (uses: readonly { readonly name: string; readonly type: string }[]): string =>
    uses.map((use) => (use.name === use.type ? use.name : `${use.name} (${use.type})`)).join(', ');
  return [
    `${paint('bold', pipeline.id)}  ${pipeline.architecture}  ${paint('dim', place)}`,
    ...about,
    ...(pipeline.builder === undefined ? [] : [`  builder  ${pipeline.builder.type}`]),
    `  source   ${pipeline.source.type}`,
    `  steps    ${names(pipeline.steps)}`,
    `  exports  ${names(pipeline.exports)}`,
    ...(pipeline.checks.length === 0 ? [] : [`  checks   ${names(pipeline.checks)}`]),
    '',
  ];
}
