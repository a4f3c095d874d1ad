import type { DockerCli } from './docker-cli.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { OutputChunk } from '../../layers/workspace.ts';

export interface LoginOptions {
  readonly login: boolean;
  readonly login_username?: string | undefined;
  readonly login_password?: string | undefined;
  readonly login_server?: string | undefined;
  readonly ecr_login: boolean;
}

/**
 * Runs `body` logged in to a registry when the options ask for it. The password goes over standard input.
 * @throws FailureError `usage` for `ecr_login`, which would need an account of Amazon
 */
export async function loggedIn<T>(
  cli: DockerCli,
  options: LoginOptions,
  { log, output }: { readonly log: (line: string) => void; readonly output: (chunk: OutputChunk) => void },
  body: () => Promise<T>,
): Promise<T> {
  if (options.ecr_login) {
    throw new FailureError({
      reason: 'unknown-option',
      message: 'ecr_login is not supported by this version of imgpipe',
      hint: 'Log in before the build: `aws ecr get-login-password | docker login --password-stdin -u AWS SERVER`.',
    });
  }
  if (!options.login) return await body();
  const server =
    options.login_server === undefined || options.login_server === '' ? [] : [options.login_server];
  const user = options.login_username ?? '';
  log('Logging in...');
  await cli.must(
    ['login', ...(user === '' ? [] : ['-u', user]), '--password-stdin', ...server],
    'Error logging in',
    { stdin: options.login_password ?? '', onOutput: output },
  );
  try {
    return await body();
  } finally {
    log('Logging out...');
    await cli.run(['logout', ...server], { onOutput: output });
  }
}
