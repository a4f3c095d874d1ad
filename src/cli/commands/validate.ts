import { count } from '../../ui/format.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

export const validateCommand = defineCommand<TemplateOptions>({
  name: 'validate',
  summary: 'Check config and templates; touches neither network nor machine',
  description: 'Reports every mistake in one go, each with its file, line and column.',
  examples: [
    { line: 'imgpipe validate', about: 'everything in the project' },
    { line: 'imgpipe validate web -var version=1.4', about: 'one pipeline, with a variable' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[pipelines...]', 'globs of pipeline names; default: all')),
  async run(context, [pipelines], options) {
    const opened = await openCompiled(context, pipelines as string[], options);
    if (!opened.ok) return opened;
    const { graph } = opened.value.compiled;
    const pipelineCount = count(new Set(graph.nodes.map((node) => node.pipeline.id)).size, 'pipeline');
    context.stdout.write(`valid: ${pipelineCount}, ${count(graph.nodes.length, 'step')}\n`);
    return 0;
  },
});
