import { defineCommand } from '../define-command.ts';

/** Here for help and completion; `runCli` takes the command line itself, since it follows Packer's rules. */
export const packerCommand = defineCommand({
  name: 'packer',
  summary:
    "Take Packer's command line: build, validate, inspect, console, fmt, fix, init, hcl2_upgrade, convert",
  description:
    'Reads templates of Packer (HCL2 and JSON), with its flags, messages and exit codes. Link imgpipe-packer as packer, and scripts that call Packer run it. docs/packer-compatibility.md says what is there.',
  examples: [
    {
      line: 'imgpipe packer build -var release=3 .',
      about: 'build a folder of templates; what has not changed comes from the cache',
    },
    { line: 'imgpipe packer validate -var-file=prod.pkrvars.hcl .', about: 'check a folder of templates' },
    { line: 'imgpipe packer hcl2_upgrade template.json', about: 'turn a JSON template into HCL2' },
  ],
  declare: (command) => command.argument('[arguments...]', 'a command of Packer with its flags'),
  run: async (context, [args]) =>
    await (await import('../packer/run-packer.ts')).runPacker(args as string[], context),
});
