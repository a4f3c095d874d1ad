import type { UiOptions } from '../../ui/build-ui.ts';
import type { CliContext } from '../context.ts';
import { usesColor, workingDirectory, type CommonOptions } from './common-options.ts';

interface Wishes extends CommonOptions {
  readonly timestampUi?: boolean;
  readonly verbose?: boolean;
}

/** What the user interfaces need to know of the command line and the environment. */
export function uiOptions(context: CliContext, options: Wishes): UiOptions {
  const { env, stdout, stderr } = context;
  return {
    stdout,
    stderr,
    color: usesColor(stderr, options.color, env),
    cwd: workingDirectory(context, options),
    timestamps: options.timestampUi === true,
    verbose: options.verbose === true,
    github: env['GITHUB_ACTIONS'] === 'true',
    unicode: /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
  };
}
