import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fail, type Failure } from '../../diagnostics/failure.ts';
import { defineCommand } from '../define-command.ts';
import { workingDirectory, type CommonOptions } from '../options/common-options.ts';
import { sampleFiles } from '../sample-project.ts';

interface InitOptions extends CommonOptions {
  readonly force?: boolean;
}

export const initCommand = defineCommand<InitOptions>({
  name: 'init',
  summary: 'Write a config and a small pipeline to start from',
  description: 'Never overwrites a file without --force.',
  examples: [
    { line: 'imgpipe init', about: 'in this folder' },
    { line: 'imgpipe init images', about: 'in a new folder' },
  ],
  declare: (command) =>
    command
      .argument('[folder]', 'where to write; default: here')
      .option('--force', 'overwrite files that exist'),
  async run(context, [folder], options) {
    const root = path.resolve(workingDirectory(context, options), (folder as string | undefined) ?? '.');
    const written: string[] = [];
    const failures: Failure[] = [];
    for (const [name, content] of Object.entries(sampleFiles())) {
      const file = path.join(root, name);
      try {
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, content, { flag: options.force === true ? 'w' : 'wx' });
        written.push(file);
      } catch (error) {
        failures.push(writeFailure(file, error));
      }
    }
    for (const file of written) context.stdout.write(`wrote ${path.relative(context.cwd, file) || file}\n`);
    if (failures.length > 0) return fail(...failures);
    context.stdout.write('Next: imgpipe doctor, then imgpipe build\n');
    return 0;
  },
});

function writeFailure(file: string, error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EEXIST') {
    return {
      reason: 'usage',
      message: `${file} exists already and was left alone`,
      hint: 'Overwrite it with --force.',
    };
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return { reason: 'permission-denied', message: `cannot write ${file}`, cause: error };
  }
  if (code === 'ENOSPC') return { reason: 'disk-full', message: `cannot write ${file}`, cause: error };
  const message = error instanceof Error ? error.message : String(error);
  return { reason: 'usage', message: `cannot write ${file}: ${message}`, cause: error };
}
