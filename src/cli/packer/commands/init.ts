import { type Failure } from '../../../diagnostics/failure.ts';
import { Problems } from '../../../template/packer-hcl/load/body.ts';
import type { RequiredPlugin } from '../../../template/packer-hcl/load/parsed-template.ts';
import { checkAccessors } from '../../../template/packer-hcl/load/required-plugins.ts';
import { pluginAddressOf } from '../../../template/packer-kinds/plugins.ts';
import { componentTypes } from '../../../template/packer-kinds/table.ts';
import { type PackerCommand, printProblems } from '../command.ts';
import { loadHcl } from '../load-hcl.ts';
import { TEMPLATE_FLAGS, templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';

/** Plugins whose builders imgpipe has itself. */
const BUILT_IN: ReadonlySet<string | undefined> = new Set(componentTypes('builder').map(pluginAddressOf));

/** Packer's words where a template requires no plugin. */
export const NO_PLUGINS =
  'No plugins requirement found, make sure you reference a Packer config\ncontaining a packer.required_plugins block. See\nhttps://www.packer.io/docs/templates/hcl_templates/blocks/packer\nfor more info.';

export const initCommand: PackerCommand = {
  help: `Usage: packer init [options] TEMPLATE

  Looks at the plugins that the template requires. imgpipe installs none: kinds
  are part of it. Those that it has need nothing, and those that it does not
  have are named.

Options:
  -upgrade    Taken for the sake of scripts; no effect.
  -force      Taken for the sake of scripts; no effect.`,
  examples: [['packer init .', 'checks that all required plugins have a counterpart']],
  flags: { ...TEMPLATE_FLAGS, upgrade: 'switch', force: 'switch' },
  run: async (work) => {
    const { args } = work.flags;
    const [path] = args;
    if (path === undefined || args.length !== 1) return 'usage';
    const flags = templateFlags(work.flags, path);
    const kind = templateKind(flags, work.context);
    if ('problem' in kind) {
      work.ui.error(kind.problem);
      return 1;
    }
    if (kind.kind === 'json') {
      return printProblems(work, {
        failures: [
          {
            reason: 'usage',
            message:
              'Packer plugins currently only works with HCL2 configuration templates\nPlease manually install plugins with the plugins command or use a HCL2 configuration that will do that for you.',
          },
        ],
      });
    }
    const outcome = await loadHcl(flags, work, { data: false, parseOnly: true });
    const plugins = outcome.template.requiredPlugins;
    const named = new Problems();
    checkAccessors(plugins, named);
    const code = printProblems(work, { failures: [...outcome.parseFailures, ...named.failures] });
    if (code !== 0) return code;
    const missing = plugins.filter(({ source }) => !BUILT_IN.has(source));
    if (plugins.length === 0) {
      work.ui.say(NO_PLUGINS);
    }
    for (const { source } of plugins.filter((plugin) => BUILT_IN.has(plugin.source))) {
      work.ui.say(`${source}: its kinds are part of imgpipe; nothing to install.`);
    }
    return printProblems(work, { failures: missing.map(noCounterpart) });
  },
};

function noCounterpart({ name, source, version, attribute }: RequiredPlugin): Failure {
  return {
    reason: 'unknown-kind',
    message: `No counterpart for the plugin ${source}: the template asks for ${name} ${version}, and imgpipe has none of its kinds yet.`,
    origin: attribute.span.range,
    hint: 'Blocks of its kinds cannot be built; validate checks everything else.',
  };
}
