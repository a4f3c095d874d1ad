import path from 'node:path';
import { type CheckWorld, type ComponentOptions, isSet, listOption, textOption } from './component.ts';
import { flag, text, textList, textMap, wholeList } from './fields.ts';

/** Options of everything that runs scripts. */
export const SCRIPT_OPTIONS = {
  inline: textList('Lines of a script.'),
  script: text('Path of a script on this machine.'),
  scripts: textList('Paths of scripts on this machine, run in their order.'),
  environment_vars: textList('Environment of the script, as KEY=value.'),
  env: textMap('Environment of the script; wins over environment_vars.'),
  env_var_format: text('Form in which a variable is written before the command.'),
  valid_exit_codes: wholeList('Exit codes that mean success; 0 when left out.'),
};

/** Options of scripts that run in the machine. */
export const REMOTE_SCRIPT_OPTIONS = {
  ...SCRIPT_OPTIONS,
  binary: flag('Upload scripts as they are; else line ends become those of the machine.'),
  execute_command: text('Command that runs the script.', 'raw'),
  remote_path: text('Path of the script in the machine.'),
};

/** Scripts exactly one way; each file there; variables well formed. */
export function checkRemoteScripts(options: ComponentOptions, world: CheckWorld): string[] {
  const errors: string[] = [];
  const given = listOption(options, 'scripts');
  const script = textOption(options, 'script');
  if (script !== '' && given.length > 0) errors.push('Only one of script or scripts can be specified.');
  const scripts = script === '' ? given : [script];
  const inline = isSet(options, 'inline');
  if (scripts.length === 0 && !inline) {
    errors.push('Either a script file or inline script must be specified.');
  } else if (scripts.length > 0 && inline) {
    errors.push('Only a script file or an inline script can be specified, not both.');
  }
  return [...errors, ...checkScriptFiles(scripts, world), ...checkVariables(options)];
}

export function checkScriptFiles(scripts: readonly string[], world: CheckWorld): string[] {
  return scripts
    .filter((script) => world.files.kind(path.resolve(world.workingDirectory, script)) === undefined)
    .map((script) => `Bad script '${script}': stat ${script}: no such file or directory`);
}

export function checkVariables(options: ComponentOptions): string[] {
  return listOption(options, 'environment_vars')
    .filter((variable) => variable.indexOf('=') < 1)
    .map((variable) => `Environment variable not in format 'key=value': ${variable}`);
}
