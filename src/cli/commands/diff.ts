import { painter } from '../../ui/paint.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled, openProject } from '../open-project.ts';
import { usesColor } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';
import { formatDiff } from '../output/diff-text.ts';

interface DiffOptions extends TemplateOptions {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly exitCode?: boolean;
}

export const diffCommand = defineCommand<DiffOptions>({
  name: 'diff',
  summary: 'Show in what two images, layers or runs differ, and which step caused it',
  description:
    'Compares packages, users, groups, units, files with their modes and owners, and sizes. A name is a pipeline, a step ' +
    "(its layer by itself), a run's id (RUN or RUN:pipeline), a layer's digest or its beginning, or the path of an " +
    'exported file or its folder. With one pipeline: its image beside that of the last run in which it was another.',
  examples: [
    { line: 'imgpipe diff web', about: 'what the last change made of web' },
    { line: 'imgpipe diff web db', about: 'the images of two pipelines' },
    { line: 'imgpipe diff old/web/web.qcow2 output/web/web.qcow2', about: 'two exported files' },
    { line: 'imgpipe diff 20260101-120000-abcdef web --json', about: 'a run and now, for programs' },
  ],
  declare: (command) =>
    addTemplateOptions(
      command
        .argument('<before>', 'pipeline, step, run, digest or file')
        .argument('[after]', 'the same; default: what the pipeline is now'),
    )
      .option('--all', 'all lines, however many')
      .option('--exit-code', 'end with 1 when something differs')
      .option('--json', 'everything as JSON'),
  async run(context, [before, after], options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const reports = await project.value.diff({
      before: before as string,
      after: after as string | undefined,
      compiled: async () => {
        const opened = await openCompiled(context, [], options);
        return opened.ok ? { ok: true, value: opened.value.compiled } : opened;
      },
    });
    if (!reports.ok) return reports;
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    const text =
      options.json === true
        ? `${JSON.stringify(reports.value, undefined, 2)}\n`
        : reports.value.map((report) => formatDiff(report, { paint, all: options.all === true })).join('\n');
    context.stdout.write(text);
    return options.exitCode === true && reports.value.some((report) => !report.same) ? 1 : 0;
  },
});
