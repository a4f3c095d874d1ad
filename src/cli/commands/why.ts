import { painter } from '../../ui/paint.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { usesColor } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

interface WhyOptions extends TemplateOptions {
  readonly json?: boolean;
}

export const whyCommand = defineCommand<WhyOptions>({
  name: 'why',
  summary: 'Say why a step would run, or that it is cached',
  description: 'Compares what the step is made of now with what it was made of the last time.',
  examples: [
    { line: 'imgpipe why nginx', about: 'a step by name' },
    { line: 'imgpipe why web/nginx', about: 'where several pipelines have one of that name' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('<step>', 'name of a step, or pipeline/step')).option(
      '--json',
      'the answer as JSON',
    ),
  async run(context, [step], options) {
    const opened = await openCompiled(context, [], options);
    if (!opened.ok) return opened;
    const report = await opened.value.project.why(opened.value.compiled, step as string);
    if (!report.ok) return report;
    const { value } = report;
    if (options.json === true) {
      context.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
      return 0;
    }
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    const state = value.state === 'hit' ? paint('good', 'cached') : paint('warn', value.state);
    context.stdout.write(
      `${paint('bold', value.id)}: ${state}${value.reason === '' ? '' : `, ${value.reason}`}\n`,
    );
    for (const change of value.changes) {
      context.stdout.write(`  ${change.what}\n`);
      for (const line of change.before?.split('\n') ?? [])
        context.stdout.write(`    ${paint('bad', `- ${line}`)}\n`);
      for (const line of change.after?.split('\n') ?? [])
        context.stdout.write(`    ${paint('good', `+ ${line}`)}\n`);
    }
    if (value.lastRun !== undefined)
      context.stdout.write(paint('dim', `  compared with the run of ${value.lastRun}\n`));
    return 0;
  },
});
