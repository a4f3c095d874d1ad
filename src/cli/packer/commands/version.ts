import type { PackerCommand } from '../command.ts';
import { VERSION } from '../../context.ts';
import { PACKER_VERSION } from '../../../template/packer-kinds/packer-version.ts';

export const versionCommand: PackerCommand = {
  help: `Usage: packer version

  Shows the version of Packer whose templates are understood; the version of
  imgpipe itself comes on standard error.`,
  examples: [
    ['packer version', 'for people'],
    ['packer version -machine-readable', 'for programs'],
  ],
  flags: {},
  run: ({ ui, context }) => {
    ui.machine('version', PACKER_VERSION);
    ui.machine('version-prelease', '');
    ui.machine('version-commit', '');
    ui.say(`Packer v${PACKER_VERSION}`);
    context.stderr.write(`imgpipe ${VERSION}, in the place of Packer\n`);
    return 0;
  },
};
