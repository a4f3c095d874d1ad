import { Problems } from '../../../template/packer-hcl/load/body.ts';
import { checkAccessors } from '../../../template/packer-hcl/load/required-plugins.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { loadHcl } from '../load-hcl.ts';
import { templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';
import { NO_PLUGINS } from './init.ts';

const ANSWER = `imgpipe has no Packer plugins: its kinds are part of it, and further ones come
from npm packages named in imgpipe.config.ts (plugins).`;

export const pluginsCommand: PackerCommand = {
  help: `Usage: packer plugins <subcommand> [options] [args]

  ${ANSWER.replace('\n', '\n  ')}

Subcommands:
    install      fails: there is nothing to install into
    installed    shows nothing
    remove       fails: there is nothing to remove
    required     shows the plugins that a template requires: name, source and
                 version constraint`,
  examples: [['packer plugins required .', 'what the template asks for']],
  flags: {},
  run: async (work) => {
    const [subcommand, template, ...more] = work.flags.args;
    if (subcommand === 'installed') return 0;
    if (subcommand === 'required') {
      return template === undefined || more.length > 0 ? 'usage' : await showRequired(work, template);
    }
    if (subcommand === undefined || !['install', 'remove'].includes(subcommand)) return 'usage';
    work.ui.error(ANSWER);
    return 1;
  },
};

async function showRequired(work: CommandWork, template: string): Promise<number> {
  const flags = templateFlags(work.flags, template);
  const kind = templateKind(flags, work.context);
  if ('problem' in kind || kind.kind === 'json') {
    work.ui.error(
      'problem' in kind ? kind.problem : 'packer plugins required only works with HCL2 templates.',
    );
    return 1;
  }
  const outcome = await loadHcl(flags, work, { data: false, parseOnly: true });
  const plugins = outcome.template.requiredPlugins;
  const named = new Problems();
  checkAccessors(plugins, named);
  const code = printProblems(work, { failures: [...outcome.parseFailures, ...named.failures] });
  if (code !== 0) return code;
  for (const { name, source, version } of plugins) {
    work.ui.message(`${name} ${source} ${JSON.stringify(version)}`);
  }
  if (plugins.length === 0) work.ui.message(`\n${NO_PLUGINS}`);
  return 0;
}
