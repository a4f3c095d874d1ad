import path from 'node:path';
import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import type { StepRunContext } from '../provisioner.ts';
import { type Clock, REAL_CLOCK } from './clock.ts';
import { durationMs } from './durations.ts';
import { elevatedRunner } from './elevated.ts';
import { escapePowershell, flattenVariables } from './environment.ts';
import type { PackerPowershellOptions } from './powershell.ts';
import { RemoteShell } from './remote-shell.ts';
import { checkExitCode, inlineName, isGiven, readScript, stableUuid } from './scripts.ts';

type Remote = RemoteShell<PackerPowershellOptions>;

const START_RETRY_MS = 300_000;
const CLEANUP_RETRY_MS = 60_000;
const CLEANUP_DELAY_MS = 10_000;
const POLICIES = 'bypass allsigned default remotesigned restricted undefined unrestricted none'.split(' ');

interface RemotePaths {
  readonly script: string;
  readonly variables: string;
  readonly cleanup: string;
}

/**
 * Uploads environment and script and runs the script; with `elevated_user` through a scheduled task. Everything that
 * was uploaded is deleted by a script that deletes itself last, whose failure is only noted.
 */
export async function runPackerPowershell(
  options: PackerPowershellOptions,
  machine: Machine,
  context: StepRunContext,
  clock: Clock = REAL_CLOCK,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, clock);
    context.log('Provisioning with Powershell...');
    const { script } = remote.options;
    const content = isGiven(script)
      ? await readScript(script, context)
      : Buffer.from(wrapCommands(remote, remote.options.inline ?? []));
    const paths = pathsOf(remote.options, script ?? content.toString('latin1'));
    const retryMs = durationMs(remote.options.start_retry_timeout, START_RETRY_MS);

    context.log(
      `Provisioning with powershell script: ${isGiven(script) ? script : inlineName('powershell-provisioner', content)}`,
    );
    await remote.retry(retryMs, () => remote.upload({ content: variablesOf(remote) }, paths.variables));
    const command = await commandOf(remote, paths);
    const { code } = await remote.retry(retryMs, async () => {
      await remote.upload({ content }, paths.script);
      return await remote.run(command);
    });
    checkExitCode(code, remote.options.valid_exit_codes);
    if (remote.options.skip_clean === true) return;
    await cleanUp(remote, paths);
    await remote.pause(remote.options.pause_after);
  });
}

function pathsOf(options: PackerPowershellOptions, seed: string): RemotePaths {
  const temporary = (name: string): string => `c:/Windows/Temp/${name}-${stableUuid(`${name} ${seed}`)}.ps1`;
  const script = options.remote_path || temporary('script');
  return {
    script: script.endsWith('/') ? script + path.basename(options.script ?? 'inline.ps1') : script,
    variables: options.remote_env_var_path || temporary('packer-ps-env-vars'),
    cleanup: temporary('packer-cleanup'),
  };
}

const isElevated = (options: PackerPowershellOptions): boolean => isGiven(options.elevated_user);

function variablesOf(remote: Remote): string {
  const { options, facts } = remote;
  const format = isElevated(options) ? options.elevated_env_var_format : options.env_var_format;
  const rendered = {
    ...options,
    environment_vars: options.environment_vars?.map((text) => remote.render(text)),
    env: Object.fromEntries(
      Object.entries(options.env ?? {}).map(([name, value]) => [remote.render(name), remote.render(value)]),
    ),
  };
  return flattenVariables(rendered, facts, format || '$env:%s="%s"; ', escapePowershell);
}

/** Commands as a script that ends with the exit code of what failed, quietly about progress. */
function wrapCommands(remote: Remote, commands: readonly string[]): string {
  const debug = remote.options.debug_mode ?? 0;
  return [
    "if (Test-Path variable:global:ProgressPreference) { $global:ProgressPreference = 'SilentlyContinue' }",
    ...(debug === 0 ? [] : [`Set-PSDebug -Trace ${debug}`]),
    '$exitCode = 0',
    'try {',
    variablesOf(remote),
    ...commands,
    '} catch {',
    '  Write-Error "An error occurred: $_"',
    '  $exitCode = 1',
    '}',
    'if ((Test-Path variable:global:LASTEXITCODE) -and $LASTEXITCODE) { $exitCode = $LASTEXITCODE }',
    'exit $exitCode',
    '',
  ].join('\n');
}

/** The command line that starts the script, by what the user tells or by the execution policy. */
function templateOf(options: PackerPowershellOptions): string {
  const own = isElevated(options) ? options.elevated_execute_command : options.execute_command;
  return isGiven(own) ? own : defaultCommand(options);
}

function defaultCommand(options: PackerPowershellOptions): string {
  const policy = policyOf(options.execution_policy);
  const program = options.use_pwsh === true ? 'pwsh' : 'powershell';
  if (!isGiven(options.script)) {
    return policy === 'none' ? '-file {{.Path}}' : `${program} -executionpolicy ${policy} -file {{.Path}}`;
  }
  const debug = options.debug_mode ?? 0;
  const trace = debug === 0 ? '' : `Set-PsDebug -Trace ${debug};`;
  const block =
    '& { if (Test-Path variable:global:ProgressPreference)' +
    `{set-variable -name variable:global:ProgressPreference -value 'SilentlyContinue'};${trace}` +
    ". {{.Vars}}; &'{{.Path}}'; exit $LastExitCode }";
  if (policy === 'none') return block;
  const flag = options.use_pwsh === true ? '-command ' : '';
  return `${program} -executionpolicy ${policy} ${flag}"${block}"`;
}

/** Policies may also be given by their number. */
const policyOf = (policy: string | undefined): string =>
  isGiven(policy) ? (POLICIES[Number(policy)] ?? policy.toLowerCase()) : 'bypass';

async function commandOf(remote: Remote, paths: RemotePaths): Promise<string> {
  const { options } = remote;
  const command = remote.render(templateOf(options), { Path: paths.script, Vars: paths.variables });
  if (!isElevated(options)) return command;
  const runner = elevatedRunner(command, {
    user: options.elevated_user ?? '',
    password: remote.render(options.elevated_password ?? ''),
    seed: paths.script,
  });
  await remote.upload({ content: runner.script }, runner.path);
  return runner.command;
}

async function cleanUp(remote: Remote, paths: RemotePaths): Promise<void> {
  const files = [paths.variables, paths.script, paths.cleanup];
  const script = files.map((file) => `if (Test-Path ${file}) {Remove-Item ${file}}\n`).join('');
  const template = isGiven(remote.options.execute_command)
    ? remote.options.execute_command
    : defaultCommand(remote.options);
  try {
    await remote.retry(
      CLEANUP_RETRY_MS,
      async () => {
        await remote.upload({ content: script }, paths.cleanup);
        await remote.run(remote.render(template, { Path: paths.cleanup, Vars: paths.variables }));
      },
      CLEANUP_DELAY_MS,
    );
  } catch (error) {
    if (!(error instanceof FailureError) || remote.context.signal.aborted) throw error;
    remote.context.log(`Temporary files stay in the machine: ${files.join(', ')}`);
  }
}
