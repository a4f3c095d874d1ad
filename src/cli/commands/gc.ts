import { count } from '../../ui/format.ts';
import { defineCommand } from '../define-command.ts';
import { openProject } from '../open-project.ts';
import type { CommonOptions } from '../options/common-options.ts';

export const gcCommand = defineCommand<CommonOptions>({
  name: 'gc',
  summary: 'Clear what killed runs left: processes, half-made layers, temporary files',
  description: 'Every start does this too. Runs that live are not touched.',
  examples: [{ line: 'imgpipe gc', about: 'after a power cut or kill -9' }],
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const reaped = await project.value.gc();
    if (!reaped.ok) return reaped;
    const { runs, processes, paths } = reaped.value;
    for (const process of processes) context.stdout.write(`ended ${process}\n`);
    for (const path of paths) context.stdout.write(`deleted ${path}\n`);
    context.stdout.write(
      `${count(runs.length, 'dead run')}: ${count(processes.length, 'process', 'processes')}, ${count(paths.length, 'path')} cleared\n`,
    );
    return 0;
  },
});
