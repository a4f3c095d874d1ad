import os from 'node:os';
import path from 'node:path';
import { painter } from '../../ui/paint.ts';
import type { CliContext } from '../context.ts';
import { defineCommand } from '../define-command.ts';
import type { Diagnosis, Finding } from '../doctor/diagnose.ts';
import { openProject } from '../open-project.ts';
import { usesColor, type CommonOptions } from '../options/common-options.ts';

interface DoctorOptions extends CommonOptions {
  readonly json?: boolean;
}

export const doctorCommand = defineCommand<DoctorOptions>({
  name: 'doctor',
  summary: 'Check what this machine lacks, and say how to install it',
  description: 'Exits 1 when something is missing without which no image can be built.',
  examples: [
    { line: 'imgpipe doctor', about: 'every program and kernel feature that imgpipe uses' },
    { line: 'imgpipe doctor --json', about: 'for programs' },
  ],
  declare: (command) => command.option('--json', 'findings as JSON'),
  async run(context, _args, options) {
    const { diagnose } = await import('../doctor/diagnose.ts');
    const diagnosis = await diagnose({
      env: context.env,
      isRoot: process.geteuid?.() === 0,
      cacheDirectory: await cacheDirectory(context, options),
    });
    const lacks = diagnosis.findings.some((finding) => finding.state === 'missing');
    if (options.json === true) {
      context.stdout.write(`${JSON.stringify(diagnosis, undefined, 2)}\n`);
    } else {
      const color = usesColor(context.stdout, options.color, context.env);
      for (const line of diagnosisLines(diagnosis, color)) context.stdout.write(`${line}\n`);
    }
    return lacks ? 1 : 0;
  },
});

/** Where the project keeps its cache; a broken config must not keep the doctor away. */
async function cacheDirectory(context: CliContext, options: CommonOptions): Promise<string> {
  const fallback = path.join(context.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'imgpipe');
  const project = await openProject(context, options).catch(() => undefined);
  return project?.ok === true ? project.value.config.cache.directory : fallback;
}

function diagnosisLines({ findings, install }: Diagnosis, color: boolean): string[] {
  const paint = painter(color);
  const width = findings.reduce((most, finding) => Math.max(most, finding.name.length), 0);
  const word = (finding: Finding): string =>
    finding.state === 'ok'
      ? paint('good', 'ok     ')
      : finding.state === 'missing'
        ? paint('bad', 'missing')
        : paint('warn', 'lacking');
  const lines = findings.flatMap((finding) => [
    `${word(finding)}  ${finding.name.padEnd(width)}  ${paint('dim', finding.state === 'ok' ? finding.detail : `${finding.detail}; needed for ${finding.neededFor}`)}`,
    ...(finding.mend === undefined ? [] : [`${' '.repeat(9)}${finding.mend}`]),
  ]);
  const required = findings.filter((finding) => finding.state === 'missing').length;
  const optional = findings.filter((finding) => finding.state === 'warning').length;
  const commands = Object.values(install);
  return [
    ...lines,
    '',
    ...(commands.length === 0
      ? []
      : ['install all that is missing:', ...commands.map((line) => `  ${line}`), '']),
    `${findings.length - required - optional} ok, ${required} missing, ${optional} lacking for some uses`,
  ];
}
