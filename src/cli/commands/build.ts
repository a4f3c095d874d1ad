import { InvalidArgumentError, Option } from 'commander';
import { exitCodeOf } from '../../diagnostics/failure-reasons.ts';
import { EventSink } from '../../events/event-sink.ts';
import { createUi, resolveUi, UI_NAMES, type UiName } from '../../ui/create-ui.ts';
import { Redactor } from '../../util/redact.ts';
import { defineCommand } from '../define-command.ts';
import { ON_ERROR, type OnError } from '../../engine/api.ts';
import { openCompiled } from '../open-project.ts';
import { askOn } from '../ask.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';
import { uiOptions } from '../options/ui-options.ts';
import { printPlan } from './plan.ts';
import { reportFullBuild } from '../output/full-build.ts';

interface BuildOptions extends TemplateOptions {
  readonly onError: OnError;
  readonly parallelBuilds: number;
  readonly failFast?: boolean;
  readonly keepGoing?: boolean;
  readonly force?: boolean;
  readonly cache: boolean;
  readonly locked?: boolean;
  readonly grow?: boolean;
  readonly full?: boolean;
  readonly report?: string;
  readonly ui?: UiName;
  readonly timestampUi?: boolean;
  readonly verbose?: boolean;
  readonly dryRun?: boolean;
}

const PACKER_TEMPLATE = /\.pkr\.(?:hcl|json)$/;

export const buildCommand = defineCommand<BuildOptions>({
  name: 'build',
  summary: 'Build images; what has not changed comes from the cache',
  description:
    'Runs the steps whose inputs changed, exports the images, checks them. Artifact paths go to standard output, ' +
    'everything else to standard error.',
  examples: [
    { line: 'imgpipe build', about: 'all pipelines of the project' },
    { line: 'imgpipe build web db', about: 'two of them' },
    { line: 'imgpipe build -var version=1.4 -var-file prod.yaml', about: 'with values for variables' },
    { line: 'imgpipe build -only=qcow2 -on-error=ask', about: "Packer's flags" },
    { line: 'imgpipe build web.pkr.hcl', about: 'a template of Packer; see also imgpipe packer build' },
    { line: 'imgpipe build --ui=json > events.ndjson', about: 'for programs' },
    { line: 'imgpipe build --full --report night.json', about: 'every night: is the cache still right?' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[pipelines...]', 'globs of pipeline names; default: all'))
      .addOption(
        new Option('--on-error <what>', 'what to do when a step fails')
          .choices(ON_ERROR)
          .default('cleanup' satisfies OnError),
      )
      .option(
        '--parallel-builds <n>',
        'how many pipelines run side by side; 0: as many as fit',
        countArgument,
        0,
      )
      .option('--fail-fast', 'stop everything at the first failure')
      .addOption(
        new Option('--keep-going', 'finish what does not depend on a failure (default)').conflicts(
          'failFast',
        ),
      )
      .option('--force', 'export and check again, replacing what is in the output folder')
      .option('--no-cache', 'run every step, whatever the cache has')
      .option(
        '--full',
        'build everything from nothing beside the cache, with the archives of now, and report what differs from the cache; for every night',
      )
      .option('--report <file>', 'with --full: the report as JSON into a file')
      .option('--grow', 'install packages added to a list onto the cached layer of the list before')
      .option('--locked', 'go by imgpipe.lock as it is: look nothing up, fail where it has no entry')
      .addOption(new Option('--ui <name>', 'how progress is shown; default: auto').choices(UI_NAMES))
      .option('--timestamp-ui', 'plain: the time before every line')
      .option('--verbose', 'plain: every line of output of every step')
      .option('--dry-run', 'only show the plan'),
  async run(context, [pipelines], options) {
    const [template, ...others] = pipelines as string[];
    if (template !== undefined && others.length === 0 && PACKER_TEMPLATE.test(template)) {
      const { buildPackerTemplate } = await import('../packer/build-template.ts');
      return await buildPackerTemplate(template, options, context);
    }
    context.takeSignals();
    const opened = await openCompiled(context, pipelines as string[], options);
    if (!opened.ok) return opened;
    const { project, compiled } = opened.value;
    const cacheUse = {
      noCache: !options.cache,
      force: options.force === true,
      ...(options.grow === true && { grow: true }),
    };
    if (options.dryRun === true) return await printPlan(context, project, compiled, cacheUse, options);
    const uiName = resolveUi(options.ui ?? project.config.ui, context.stderr, context.env);
    const ui = await createUi(uiName, uiOptions(context, options));
    const sink = new EventSink(new Redactor());
    sink.listen(ui.listen);
    if (uiName !== 'json' && context.stdin.isTTY && context.stderr.isTTY === true) {
      sink.answerWith((question) => ui.suspend(() => askOn(context, question)));
    }
    const request = {
      ...cacheUse,
      sink,
      parallel: options.parallelBuilds,
      failFast: options.failFast === true,
      locked: options.locked === true,
      onError: options.onError,
      signal: context.signal,
    };
    if (options.full === true) {
      const outcome = await project.fullBuild(compiled, request);
      await ui.finish(outcome.failures);
      return await reportFullBuild(context, outcome, { ...options, onStdout: uiName !== 'json' });
    }
    const outcome = await project.build(compiled, request);
    await ui.finish(outcome.failures);
    if (outcome.outcome === 'aborted') return 130;
    const failed = outcome.failures.find((failure) => failure.stepId !== undefined)?.stepId;
    if (options.onError === 'shell' && failed !== undefined && context.stdin.isTTY) {
      context.stderr.write(
        `A shell in what ${failed} left; nothing done in it is kept. Leave it with: exit\n`,
      );
      await project.shell(compiled, { step: failed, signal: context.signal });
    }
    if (outcome.outcome === 'succeeded') return 0;
    return exitCodeOf(outcome.failures.map((failure) => failure.reason)) || 1;
  },
});

function countArgument(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}
