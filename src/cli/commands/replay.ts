import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option } from 'commander';
import { fail } from '../../diagnostics/failure.ts';
import { createUi, resolveUi, UI_NAMES, type UiName } from '../../ui/create-ui.ts';
import { parseRecording } from '../../ui/recording.ts';
import { defineCommand } from '../define-command.ts';
import { workingDirectory, type CommonOptions } from '../options/common-options.ts';
import { uiOptions } from '../options/ui-options.ts';

interface ReplayOptions extends CommonOptions {
  readonly speed: number;
  readonly ui?: UiName;
  readonly timestampUi?: boolean;
  readonly verbose?: boolean;
}

export const replayCommand = defineCommand<ReplayOptions>({
  name: 'replay',
  summary: 'Show a recorded run again',
  description: 'Reads the events that `imgpipe build --ui=json` prints. Builds nothing.',
  examples: [
    { line: 'imgpipe replay events.ndjson', about: 'as fast as it happened' },
    { line: 'imgpipe replay events.ndjson --speed=0 --ui=plain', about: 'at once, as lines' },
  ],
  declare: (command) =>
    command
      .argument('<file>', 'events, one JSON object a line')
      .option('--speed <factor>', 'how many times faster than it was; 0: at once', speedArgument, 1)
      .addOption(new Option('--ui <name>', 'how it is shown; default: auto').choices(UI_NAMES))
      .option('--timestamp-ui', 'plain: the time before every line')
      .option('--verbose', 'plain: every line of output of every step'),
  async run(context, [file], options) {
    const location = path.resolve(workingDirectory(context, options), file as string);
    let text: string;
    try {
      text = await readFile(location, 'utf8');
    } catch (error) {
      return fail({
        reason: 'usage',
        message: `cannot read ${location}: ${(error as Error).message}`,
        cause: error,
      });
    }
    const name = resolveUi(options.ui ?? 'auto', context.stderr, context.env);
    const ui = await createUi(name, uiOptions(context, options));
    let before = 0;
    for (const event of parseRecording(text)) {
      if (options.speed > 0 && event.time > before) await sleep((event.time - before) / options.speed);
      before = event.time;
      ui.listen(event);
    }
    await ui.finish([]);
    return 0;
  },
});

function speedArgument(text: string): number {
  const speed = Number(text);
  if (text === '' || !Number.isFinite(speed) || speed < 0)
    throw new InvalidArgumentError('It must be a number from 0.');
  return speed;
}
