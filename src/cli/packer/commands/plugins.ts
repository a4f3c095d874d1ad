import type { PackerCommand } from '../command.ts';

const ANSWER = `imgpipe has no Packer plugins: its kinds are part of it, and further ones come
from npm packages named in imgpipe.config.ts (plugins).`;

export const pluginsCommand: PackerCommand = {
  help: `Usage: packer plugins <subcommand> [options] [args]

  ${ANSWER.replace('\n', '\n  ')}

Subcommands:
    install      fails: there is nothing to install into
    installed    shows nothing
    remove       fails: there is nothing to remove
    required     shows what a template requires: see packer init`,
  flags: {},
  run: ({ flags, ui }) => {
    const [subcommand] = flags.args;
    if (subcommand === 'installed') return 0;
    if (subcommand === undefined || !['install', 'remove', 'required'].includes(subcommand)) return 'usage';
    ui.error(
      subcommand === 'required'
        ? `${ANSWER}\nRun packer init TEMPLATE to see what a template asks for.`
        : ANSWER,
    );
    return 1;
  },
};
