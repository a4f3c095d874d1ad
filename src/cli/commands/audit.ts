import { EventSink } from '../../events/event-sink.ts';
import type { AuditComparison, AuditReport } from '../../report/audit-report.ts';
import { painter, type Paint } from '../../ui/paint.ts';
import { Redactor } from '../../util/redact.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { usesColor } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

interface AuditOptions extends TemplateOptions {
  readonly json?: boolean;
}

export const auditCommand = defineCommand<AuditOptions>({
  name: 'audit',
  summary: 'Run a step twice beside the cache and show what comes out different',
  description:
    'Names the files, and the bytes in them, that two runs of a step on the same layers do not make the same, and in what ' +
    'the first differs from the layer in the cache. Nothing is kept. Ends with 1 when the two runs differ.',
  examples: [
    { line: 'imgpipe audit nginx', about: 'a step by name' },
    { line: 'imgpipe audit web/nginx --json', about: 'for programs' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('<step>', 'name of a step, or pipeline/step')).option(
      '--json',
      'the findings as JSON',
    ),
  async run(context, [step], options) {
    context.takeSignals();
    const opened = await openCompiled(context, [], options);
    if (!opened.ok) return opened;
    const { project, compiled } = opened.value;
    const report = await project.audit(compiled, {
      step: step as string,
      sink: new EventSink(new Redactor()),
      signal: context.signal,
      onRun: (run) => context.stderr.write(`run ${run} of 2\n`),
    });
    if (!report.ok) return report;
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    context.stdout.write(
      options.json === true
        ? `${JSON.stringify(report.value, undefined, 2)}\n`
        : formatAudit(report.value, paint),
    );
    return report.value.deterministic ? 0 : 1;
  },
});

function formatAudit({ step, deterministic, differences, cached }: AuditReport, paint: Paint): string {
  const verdict = deterministic
    ? paint('good', 'both runs gave the same layer')
    : paint('bad', 'not deterministic');
  const lines = [`${paint('bold', step)}: ${verdict}`, ...comparisonLines(differences, paint)];
  if (cached?.same === true) lines.push('  the cache has that layer too');
  if (cached?.same === false) {
    lines.push(paint('warn', 'The cache has another layer; the first run differs from it in:'));
    lines.push(...comparisonLines(cached, paint));
  }
  return `${lines.join('\n')}\n`;
}

function comparisonLines({ packages, files }: AuditComparison, paint: Paint): string[] {
  return [
    ...packages.map(
      ({ name, before, after }) => `  package ${name} ${before ?? 'none'} → ${after ?? 'none'}`,
    ),
    ...files.flatMap(({ path, change, aspects, content }) => {
      const what = aspects.length === 0 ? change : aspects.join(', ');
      if (content === undefined) return [`  ${path}: ${what}`];
      const { line, offset, bytes, before, after } = content;
      const at = line === undefined ? `byte ${offset}` : `line ${line}, byte ${offset}`;
      return [
        `  ${path}: ${what}; ${bytes} byte${bytes === 1 ? '' : 's'}, first at ${at}`,
        `    ${paint('bad', `- ${before}`)}`,
        `    ${paint('good', `+ ${after}`)}`,
      ];
    }),
  ];
}
