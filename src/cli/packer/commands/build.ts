import type { PackerCommand } from '../command.ts';
import { TEMPLATE_FLAGS } from '../template-flags.ts';

export const buildCommand: PackerCommand = {
  help: `Usage: packer build [options] TEMPLATE

  Not there yet: templates of Packer are read and checked, but no builder runs
  them. Use imgpipe build for templates of imgpipe's own form.`,
  flags: {
    ...TEMPLATE_FLAGS,
    color: 'switch',
    debug: 'switch',
    force: 'switch',
    'machine-readable': 'switch',
    'timestamp-ui': 'switch',
    'parallel-builds': 'whole',
    'on-error': ['cleanup', 'abort', 'ask', 'run-cleanup-provisioner'],
    'warn-on-undeclared-var': 'switch',
    'ignore-prerelease-plugins': 'switch',
    'skip-enforcement': 'switch',
  },
  run: ({ flags, ui }) => {
    if (flags.args.length !== 1) return 'usage';
    ui.error(
      'packer build: this version of imgpipe cannot run the builders of Packer templates yet (docker, file, null, and those of plugins).\nThe template can be checked with packer validate.',
    );
    return 1;
  },
};
