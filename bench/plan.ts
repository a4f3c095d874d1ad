import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, peakMemory, timeInTurn } from './measure.ts';
import { copyProject } from './project.ts';

const STEPS = 10_000;

/** A plan of a pipeline of 10,000 steps: read and checked anew (its template just changed), and again. */
export async function run(): Promise<string> {
  using project = copyProject();
  const template = join(project.directory, 'pipelines', 'many.json');
  let edits = 0;
  const write = (): void => {
    edits += 1;
    const steps = Array.from({ length: STEPS }, (_, at) => ({
      type: at % 2 === 0 ? 'shell' : 'file',
      name: `step-${at}`,
      ...(at % 2 === 0 ? { inline: `echo ${at}` } : { path: `/srv/file-${at}`, content: `${at} ${edits}\n` }),
    }));
    writeFileSync(template, JSON.stringify({ source: { type: 'bootstrap', suite: 'bookworm' }, steps }));
  };
  write();
  const argv = [...project.imgpipe, 'plan', 'many', '--json'];
  const plan = { name: 'template changed', argv, cwd: project.directory, before: write };
  const again = { name: 'again', argv, cwd: project.directory };
  const timings = await timeInTurn([plan, again], 5);
  const memory = await peakMemory(plan);
  return [
    `Plan of ${STEPS} steps (whole process)`,
    ...timings.map(({ name, seconds }) => `  ${name.padEnd(20)} ${median(seconds).toFixed(3)} s`),
    `  peak memory ${memory.toFixed(0)} MiB`,
  ].join('\n');
}
