import { formatDuration } from '../../ui/format.ts';
import { defineCommand } from '../define-command.ts';
import { openProject } from '../open-project.ts';
import type { CommonOptions } from '../options/common-options.ts';
import { formatTable } from '../output/table.ts';

interface PsOptions extends CommonOptions {
  readonly json?: boolean;
}

export const psCommand = defineCommand<PsOptions>({
  name: 'ps',
  summary: 'List the runs that use the cache now',
  examples: [{ line: 'imgpipe ps', about: 'runs, and what they have started' }],
  declare: (command) => command.option('--json', 'rows as JSON'),
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const runs = await project.value.processes();
    if (!runs.ok) return runs;
    if (options.json === true) {
      context.stdout.write(`${JSON.stringify(runs.value, undefined, 2)}\n`);
      return 0;
    }
    if (runs.value.length === 0) {
      context.stdout.write('nothing runs\n');
      return 0;
    }
    const now = Date.now();
    const lines = formatTable(
      [
        { title: 'RUN' },
        { title: 'PID', align: 'right' },
        { title: 'STATE' },
        { title: 'TIME', align: 'right' },
        { title: 'WHAT' },
      ],
      runs.value.flatMap(({ record, alive }) => [
        [
          record.runId,
          String(record.process.pid),
          alive ? 'running' : 'dead',
          formatDuration(now - Date.parse(record.startedAt)),
          `${record.command} in ${record.project}`,
        ],
        ...record.entries
          .filter((entry) => entry.type === 'process')
          .map((entry) => ['', String(entry.process.pid), '', '', entry.what]),
      ]),
    );
    context.stdout.write(`${lines.join('\n')}\n`);
    if (runs.value.some((run) => !run.alive)) context.stdout.write('dead runs are cleared by: imgpipe gc\n');
    return 0;
  },
});
