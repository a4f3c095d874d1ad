import path from 'node:path';
import * as z from 'zod';
import {
  type CheckOutcome,
  type CheckWorld,
  type ComponentOptions,
  type PackerComponent,
  isSet,
  listOption,
  textOption,
} from './component.ts';
import { duration, flag, text, textList } from './fields.ts';
import {
  REMOTE_SCRIPT_OPTIONS,
  SCRIPT_OPTIONS,
  checkRemoteScripts,
  checkScriptFiles,
  checkVariables,
} from './scripts.ts';

export const SHELL_SCHEMA = z.object({
  ...REMOTE_SCRIPT_OPTIONS,
  inline_shebang: text('First line of the script made of inline, without #!; /bin/sh -e when left out.'),
  pause_after: duration('Wait this long after the scripts.'),
  use_env_var_file: flag('Upload the environment as a file that is sourced.'),
  remote_folder: text('Folder of the machine for scripts; /tmp when left out.'),
  remote_file: text('Name of the script in that folder.'),
  start_retry_timeout: duration('Try this long to upload and start a script; 5 minutes when left out.'),
  skip_clean: flag('Leave scripts in the machine.'),
  expect_disconnect: flag('The script may end the connection.'),
});

export const shellProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'shell',
  summary: 'Runs shell scripts in the machine',
  schema: SHELL_SCHEMA,
  check: (options, world) => ({ errors: checkRemoteScripts(options, world) }),
};

const SYSTEMS = ['darwin', 'freebsd', 'linux', 'openbsd', 'solaris', 'windows'];

export const SHELL_LOCAL_SCHEMA = z.object({
  ...SCRIPT_OPTIONS,
  command: text('A command line; older than inline.'),
  inline_shebang: text('First line of the script made of inline, without #!.'),
  only_on: textList('Operating systems on which the scripts run.'),
  tempfile_extension: text('Ending of the file made of inline.'),
  execute_command: textList('Command and arguments that run the script.', 'raw'),
  use_linux_pathing: flag('Windows only: give paths in their Linux form.'),
});

/** What the provisioner and the post-processor of this name check alike. */
export function checkShellLocal(options: ComponentOptions, world: CheckWorld): CheckOutcome {
  const errors: string[] = [];
  const ways = ['command', 'inline', 'script', 'scripts'].filter((name) => isSet(options, name));
  if (ways.length === 0) errors.push('Command, Inline, Script and Scripts options cannot all be empty.');
  if (ways.length > 1) {
    errors.push(
      'You may only specify one of the following options: Command, Inline, Script or Scripts. Please consolidate these options in your config.',
    );
  }
  const script = textOption(options, 'script');
  const scripts = [...(script === '' ? [] : [script]), ...listOption(options, 'scripts')];
  errors.push(...checkScriptFiles(scripts, world));
  const system = listOption(options, 'only_on').find((name) => !SYSTEMS.includes(name));
  if (system !== undefined) {
    return {
      errors: [`Invalid OS specified in only_on: '${system}'\nSupported OS names: ${SYSTEMS.join(', ')}`],
      givesUp: true,
    };
  }
  if (isSet(options, 'use_linux_pathing')) {
    const [first] = scripts.map((name) => path.resolve(world.workingDirectory, name));
    if (first !== undefined) {
      // Only paths of Windows have such a form.
      const message = `There was an error splitting your absolute path; expected to find a drive following the format ':/' but did not: absolute path: ${first}`;
      return { errors: [message], givesUp: true };
    }
    if (ways.includes('inline') || ways.includes('command')) {
      errors.push(
        'Packer is unable to use the Command and Inline features with the Windows Linux Subsystem. Please use the Script or Scripts options instead',
      );
    }
  }
  return { errors: [...errors, ...checkVariables(options)] };
}

export const shellLocalProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'shell-local',
  summary: 'Runs shell scripts on this machine',
  schema: SHELL_LOCAL_SCHEMA,
  check: checkShellLocal,
};
