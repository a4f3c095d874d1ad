import * as z from 'zod';
import { type PackerComponent, isSet, textOption } from './component.ts';
import { duration, flag, text, textList, whole } from './fields.ts';
import { REMOTE_SCRIPT_OPTIONS, checkRemoteScripts } from './scripts.ts';

const POLICIES = [
  'bypass',
  'allsigned',
  'default',
  'remotesigned',
  'restricted',
  'undefined',
  'unrestricted',
  'none',
];

/** A policy by its name or, as Packer takes it too, its number. */
const isPolicy = (policy: string): boolean =>
  POLICIES.includes(policy.toLowerCase()) || /^[0-7]$/.test(policy);

export const POWERSHELL_SCHEMA = z.object({
  ...REMOTE_SCRIPT_OPTIONS,
  remote_env_var_path: text('Path of the file with the environment in the machine.'),
  elevated_execute_command: text('Command that runs the script as another user.', 'raw'),
  elevated_env_var_format: text('Form of a variable for scripts that run as another user.'),
  elevated_user: text('User in whose name a scheduled task runs the script.'),
  elevated_password: text('Password of that user.'),
  execution_policy: text('Execution policy; bypass when left out.'),
  debug_mode: whole('Trace level of PowerShell, 0 to 2.'),
  use_pwsh: flag('Run pwsh in the place of powershell.'),
  skip_clean: flag('Leave scripts in the machine.'),
  start_retry_timeout: duration('Try this long to upload and start a script; 5 minutes when left out.'),
  pause_after: duration('Wait this long after the scripts.'),
});

export const powershellProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'powershell',
  summary: 'Runs PowerShell scripts in the machine',
  schema: POWERSHELL_SCHEMA,
  check: (options, world) => {
    const errors = checkRemoteScripts(options, world);
    if (isSet(options, 'elevated_password') && !isSet(options, 'elevated_user')) {
      errors.push("Must supply an 'elevated_user' if 'elevated_password' provided");
    }
    const policy = textOption(options, 'execution_policy');
    if (policy !== '' && policy !== '<unknown>' && !isPolicy(policy)) {
      errors.push(
        'Invalid execution policy provided. Please supply one of: "bypass", "allsigned", "default", "remotesigned", "restricted", "undefined", "unrestricted", "none".',
      );
    }
    const level = options['debug_mode'];
    if (typeof level === 'number' && ![0, 1, 2].includes(level)) {
      errors.push(`${level} is an invalid Trace level for \`debug_mode\`; valid values are 0, 1, and 2`);
    }
    return { errors };
  },
};

export const WINDOWS_SHELL_SCHEMA = z.object({
  ...REMOTE_SCRIPT_OPTIONS,
  start_retry_timeout: duration('Try this long to upload and start a script; 5 minutes when left out.'),
});

export const windowsShellProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'windows-shell',
  summary: 'Runs batch files in the machine',
  schema: WINDOWS_SHELL_SCHEMA,
  check: (options, world) => ({ errors: checkRemoteScripts(options, world) }),
};

export const WINDOWS_RESTART_SCHEMA = z.object({
  restart_command: text('Command that restarts the machine.'),
  restart_check_command: text('Command that succeeds once the machine is back.'),
  restart_timeout: duration('Give up after this long; 5 minutes when left out.'),
  check_registry: flag('Wait until no registry key says that a restart is pending.'),
  registry_keys: textList('Keys that say so.'),
});

export const windowsRestartProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'windows-restart',
  summary: 'Restarts the machine and waits for it',
  schema: WINDOWS_RESTART_SCHEMA,
  check: () => ({ errors: [] }),
};
