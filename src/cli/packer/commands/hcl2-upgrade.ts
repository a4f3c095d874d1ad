import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkJsonTemplate } from '../../../template/packer-json/check-template.ts';
import { upgradeTemplate } from '../../../template/packer-json/upgrade/upgrade-template.ts';
import type { PackerCommand } from '../command.ts';
import { answeredVariables, loadJson } from '../load-json.ts';
import { describeSystem } from '../../../template/packer-kinds/system-error.ts';
import { TEMPLATE_FLAGS, templateFlags } from '../template-flags.ts';
import { PACKER_VERSION } from '../../../template/packer-kinds/packer-version.ts';

export const upgradeCommand: PackerCommand = {
  help: `Usage: packer hcl2_upgrade [options] TEMPLATE

  Turns a JSON template into an HCL2 configuration.

Options:

  -output-file=path    File to write; the name of the template with ".pkr.hcl"
                       after it when left out.
  -with-annotations    Add comments that explain the blocks.`,
  examples: [
    ['packer hcl2_upgrade template.json', 'writes template.json.pkr.hcl'],
    ['packer hcl2_upgrade -output-file=web.pkr.hcl -with-annotations template.json', 'with explanations'],
  ],
  flags: { ...TEMPLATE_FLAGS, 'output-file': 'text', 'with-annotations': 'switch' },
  run: async (work) => {
    const { flags, ui, context } = work;
    const [file] = flags.args;
    if (file === undefined || flags.args.length !== 1) return 'usage';
    const output = flags.lists.get('output-file')?.[0] ?? `${file}.pkr.hcl`;
    const target = path.resolve(context.cwd, output);
    const write = (text: string): boolean => {
      try {
        mkdirSync(path.dirname(target), { recursive: true });
        writeFileSync(target, text);
        return true;
      } catch (cause) {
        ui.error(`Failed to create output file: ${describeSystem('open', output, cause)}`);
        return false;
      }
    };
    const loaded = await loadJson(templateFlags(flags, file), work);
    if ('text' in loaded || loaded.template === undefined) {
      // Packer leaves an empty file; scripts that look for it find it.
      write('');
      ui.error('text' in loaded ? loaded.text : '');
      ui.error('Failed to get config from JSON');
      return 1;
    }
    const { template } = loaded;
    const problems = checkJsonTemplate(template, PACKER_VERSION);
    const rendered = await answeredVariables(loaded, work);
    for (const { message } of [...problems, ...(rendered.ok ? [] : rendered.failures)].slice(0, 1)) {
      ui.error(`Ignoring following initialization error: ${message}`);
    }
    const upgraded = upgradeTemplate(template, {
      annotations: flags.switches.get('with-annotations') === true,
    });
    const code = upgraded.unknownBuilders.length > 0 ? 1 : 0;
    if (code !== 0) {
      ui.error(
        `Ignoring following sources.Parse error: unknown builder type(s): [${upgraded.unknownBuilders.join(' ')}]\n`,
      );
    }
    if (!write(upgraded.text)) return 1;
    ui.say(`Successfully created ${output}. Exit ${code}`);
    return code;
  },
};
