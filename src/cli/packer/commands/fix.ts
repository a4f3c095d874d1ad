import { readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeSource } from '../../../template/packer-hcl/syntax/source-text.ts';
import { checkJsonTemplate } from '../../../template/packer-json/check-template.ts';
import { FIXERS, fixTemplate } from '../../../template/packer-json/fix/fix-template.ts';
import { JsonPlaces, formatGoJson, isObject, toData } from '../../../template/packer-json/json-value.ts';
import { parseTemplateJson } from '../../../template/packer-json/parse-json.ts';
import { readJsonTemplate } from '../../../template/packer-json/read-template.ts';
import type { PackerCommand } from '../command.ts';
import { describeSystem } from '../../../template/packer-kinds/system-error.ts';
import type { PackerUi } from '../packer-ui.ts';
import { TEMPLATE_FLAGS, templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';

const fixers = FIXERS.map(({ name, summary }) => `  ${name.padEnd(27)}${summary}`).join('\n');

export const fixCommand: PackerCommand = {
  help: `Usage: packer fix [options] TEMPLATE

  Reads a JSON template, mends what newer versions take in another form, and
  writes the template to standard output.

Fixes that are run (in order):

${fixers}

Options:

  -validate=true      If true (default), checks the mended template.`,
  examples: [['packer fix old.json > new.json', 'mend a template of an old version']],
  flags: { ...TEMPLATE_FLAGS, validate: 'switch' },
  run: ({ flags, ui, context }) => {
    const [file] = flags.args;
    if (file === undefined || flags.args.length !== 1) return 'usage';
    const kind = templateKind(templateFlags(flags, file), context);
    if ('kind' in kind && kind.kind === 'hcl2') {
      ui.error('packer fix only works with JSON files for now.');
      return 1;
    }
    let bytes: Buffer;
    try {
      bytes = readFileSync(path.resolve(context.cwd, file));
    } catch (cause) {
      ui.error(`Error opening template: ${describeSystem('open', file, cause)}`);
      return 1;
    }
    const source = decodeSource(file, bytes);
    const parsed = source.ok ? parseTemplateJson(file, source.value.text) : source;
    const data = parsed.ok ? toData(parsed.value.root, new JsonPlaces()) : undefined;
    if (!parsed.ok || !isObject(data)) {
      const why = parsed.ok ? 'the template must be an object' : parsed.failures[0]?.message;
      ui.error(`Error parsing template: ${why ?? ''}`);
      return 1;
    }
    const fixed = fixTemplate(data);
    if (!fixed.ok) {
      ui.error(`Error fixing: ${fixed.failures[0]?.message ?? ''}`);
      return 1;
    }
    const text = `${formatGoJson(fixed.value)}\n`;
    ui.say(text);
    return flags.switches.get('validate') === false ? 0 : validateFixed(file, text, ui);
  },
};

function validateFixed(file: string, text: string, ui: PackerUi): number {
  const report = (what: string, messages: readonly string[]): number => {
    const list = `${messages.length} error${messages.length === 1 ? '' : 's'} occurred:\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`;
    ui.error(
      `Error! Fixed template ${what}: ${list}\n\nThis is usually caused by an error in the input template.\nPlease fix the error and try again.`,
    );
    return 1;
  };
  const template = readJsonTemplate(file, text);
  if (!template.ok)
    return report(
      'fails to parse',
      template.failures.map(({ message }) => message),
    );
  const failures = checkJsonTemplate(template.value);
  return failures.length === 0
    ? 0
    : report(
        'failed to validate',
        failures.map(({ message }) => message),
      );
}
