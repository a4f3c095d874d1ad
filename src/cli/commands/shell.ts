import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

export const shellCommand = defineCommand<TemplateOptions>({
  name: 'shell',
  summary: "Open a shell in a throw-away copy of a step's result",
  description:
    'Works on the last result of a step, also on what a failed step left. Nothing done in the shell is kept.',
  examples: [
    { line: 'imgpipe shell nginx', about: 'as the image stands after that step' },
    { line: 'imgpipe shell web/nginx -- nginx -t', about: 'one command instead of a shell' },
  ],
  declare: (command) =>
    addTemplateOptions(
      command
        .argument('<step>', 'name of a step, or pipeline/step')
        .argument('[command...]', 'after --: what to run'),
    ),
  async run(context, [step, command], options) {
    const opened = await openCompiled(context, [], options);
    if (!opened.ok) return opened;
    const argv = command as readonly string[];
    context.takeSignals();
    const end = await opened.value.project.shell(opened.value.compiled, {
      step: step as string,
      command: argv.length === 0 ? undefined : argv,
      signal: context.signal,
    });
    return end.ok ? end.value : end;
  },
});
