import type { Machine } from '../../builders/machine.ts';
import { capture, type Result } from '../../diagnostics/failure.ts';
import type { StepRunContext } from '../provisioner.ts';
import { type Clock, REAL_CLOCK } from './clock.ts';
import { durationMs } from './durations.ts';
import { escapeQuote, flattenVariables } from './environment.ts';
import { DISCONNECTED, RemoteShell } from './remote-shell.ts';
import { checkExitCode, inlineName, isGiven, readScript, stableNumber, unixLines } from './scripts.ts';
import type { PackerShellOptions } from './shell.ts';
import { stepFailure } from './step-failure.ts';

type Remote = RemoteShell<PackerShellOptions>;

const START_RETRY_MS = 300_000;

const DISCONNECT_HINT =
  'Script disconnected unexpectedly. If you expected your script to disconnect, i.e. from a restart, you can try ' +
  `adding \`"expect_disconnect": true\` or \`"valid_exit_codes": [0, ${DISCONNECTED}]\` to the shell provisioner parameters.`;

/**
 * Uploads the script, makes it executable, runs it, deletes it. Upload and start are tried again together, so that a
 * machine that is about to restart does not end the build.
 */
export async function runPackerShell(
  options: PackerShellOptions,
  machine: Machine,
  context: StepRunContext,
  clock: Clock = REAL_CLOCK,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, clock);
    const retryMs = durationMs(remote.options.start_retry_timeout, START_RETRY_MS);
    const { name, content } = await scriptOf(remote);
    const seed = name ?? content.toString('latin1');
    const paths = pathsOf(remote.options, seed);
    const variables = variablesOf(remote);

    const file = remote.options.use_env_var_file === true ? paths.variables : '';
    if (file !== '') await uploadVariables(remote, file, variables, retryMs);

    context.log(`Provisioning with shell script: ${name ?? inlineName('packer-shell', content)}`);
    const command = remote.render(commandOf(remote.options), {
      Vars: variables,
      EnvVarFile: file,
      Path: paths.script,
    });
    const clean = remote.options.skip_clean !== true;
    const carried = { content, path: paths.script, mode: 0o755, remove: clean };
    const { code, removed } = await remote.retry(retryMs, () => remote.runScript(carried, command));
    if (code === DISCONNECTED && !allows(remote.options, code)) throw stepFailure(DISCONNECT_HINT);
    if (code !== DISCONNECTED) checkExitCode(code, remote.options.valid_exit_codes);

    if (clean) {
      const left = [...(removed ? [] : [paths.script]), ...(file === '' ? [] : [file])];
      for (const path of left) await remove(remote, path, retryMs);
    }
    await remote.pause(remote.options.pause_after);
  });
}

const allows = (options: PackerShellOptions, code: number): boolean =>
  options.expect_disconnect === true || options.valid_exit_codes?.includes(code) === true;

/** The script of the host, or the commands with the line that names their shell. */
async function scriptOf(remote: Remote): Promise<{ readonly name?: string; readonly content: Buffer }> {
  const { script, inline = [], inline_shebang: shebang, binary } = remote.options;
  const raw = isGiven(script)
    ? await readScript(script, remote.context)
    : Buffer.from(
        inlineScript(
          inline.map((line) => remote.render(line)),
          shebang,
        ),
      );
  return { ...(isGiven(script) ? { name: script } : {}), content: binary === true ? raw : unixLines(raw) };
}

/** Commands that begin with `#!` name their shell themselves, unless the user names one in the options. */
function inlineScript(lines: readonly string[], shebang: string | undefined): string {
  const text = lines.map((line) => `${line}\n`).join('');
  if (!isGiven(shebang) && text.startsWith('#!')) return text;
  return `#!${isGiven(shebang) ? shebang : '/bin/sh -e'}\n${text}`;
}

function pathsOf(
  options: PackerShellOptions,
  seed: string,
): { readonly script: string; readonly variables: string } {
  const folder = options.remote_folder || '/tmp';
  const file = options.remote_file || `script_${stableNumber(seed, 9999)}.sh`;
  return {
    script: options.remote_path || `${folder}/${file}`,
    variables: `${folder}/varfile_${stableNumber(`variables of ${seed}`, 9999)}.sh`,
  };
}

function variablesOf(remote: Remote): string {
  const { options, facts } = remote;
  const format = options.use_env_var_file === true ? "export %s='%s'\n" : "%s='%s' ";
  return flattenVariables(options, facts, options.env_var_format || format, escapeQuote);
}

function commandOf(options: PackerShellOptions): string {
  if (isGiven(options.execute_command)) return options.execute_command;
  return options.use_env_var_file === true
    ? 'chmod +x {{.Path}}; . {{.EnvVarFile}} && {{.Path}}'
    : 'chmod +x {{.Path}}; {{.Vars}} {{.Path}}';
}

async function uploadVariables(
  remote: Remote,
  path: string,
  variables: string,
  retryMs: number,
): Promise<void> {
  const raw = Buffer.from(variables);
  const content = remote.options.binary === true ? raw : unixLines(raw);
  await remote.retry(retryMs, async () => {
    await remote.uploadWithMode(content, path, 0o600);
  });
}

/** A restart may be under way, so that it is tried again as often as the start. */
async function remove(remote: Remote, path: string, retryMs: number): Promise<void> {
  await remote.retry(retryMs, async () => {
    const { code } = await remote.run(`rm -f ${path}`, { quiet: true });
    if (code === DISCONNECTED) throw stepFailure('Disconnect while removing temporary script.');
    if (code !== 0) throw stepFailure(`Error removing temporary script at ${path}!`);
  });
}
