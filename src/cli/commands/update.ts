import { painter, type Tone } from '../../ui/paint.ts';
import type { UpdatedEntry } from '../../engine/api.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { usesColor } from '../options/common-options.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

interface UpdateOptions extends TemplateOptions {
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const updateCommand = defineCommand<UpdateOptions>({
  name: 'update',
  summary: 'Take package archives as they are now: renew imgpipe.lock',
  description:
    'A build installs from the archives in the state that imgpipe.lock names. This looks up their state of now and shows old → new; ' +
    'the next build installs from it. Builds nothing.',
  examples: [
    { line: 'imgpipe update', about: 'all archives of the project' },
    { line: 'imgpipe update web', about: 'those of one pipeline' },
    { line: 'imgpipe update "debian bookworm main"', about: 'one entry' },
    { line: 'imgpipe update --dry-run', about: 'only look' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[names...]', 'globs of pipelines or of entries; default: all'))
      .option('--dry-run', 'write nothing')
      .option('--prune', 'also take out entries that nothing in the project reads')
      .option('--json', 'rows as JSON'),
  async run(context, [names], options) {
    context.takeSignals();
    const opened = await openCompiled(context, [], options);
    if (!opened.ok) return opened;
    const { project, compiled } = opened.value;
    const updated = await project.update(compiled, {
      names: names as string[],
      prune: options.prune === true,
      dryRun: options.dryRun === true,
      signal: context.signal,
    });
    if (!updated.ok) return updated;
    if (options.json === true) {
      context.stdout.write(`${JSON.stringify(updated.value, undefined, 2)}\n`);
      return 0;
    }
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    for (const line of updated.value.flatMap((entry) => entryLines(entry, paint)))
      context.stdout.write(`${line}\n`);
    if (updated.value.length === 0) context.stdout.write('Nothing in the project reads a package archive.\n');
    return 0;
  },
});

const TONES: Record<UpdatedEntry['state'], Tone> = {
  new: 'good',
  moved: 'warn',
  same: 'dim',
  removed: 'bad',
};

function entryLines(entry: UpdatedEntry, paint: (tone: Tone, text: string) => string): string[] {
  const width = Math.max(...entry.suites.map(({ suite }) => suite.length));
  return [
    `${paint('bold', entry.name)}: ${paint(TONES[entry.state], entry.state)}`,
    ...entry.suites.map(({ suite, before, after }) => {
      const isSame = before === after;
      const text = isSame || before === undefined ? (after ?? '') : `${before} → ${after ?? 'gone'}`;
      return `  ${suite.padEnd(width)}  ${isSame ? paint('dim', text) : text}`;
    }),
  ];
}
