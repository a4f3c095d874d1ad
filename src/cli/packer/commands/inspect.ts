import { describeVariables, hideSecrets } from '../../../template/packer-hcl/console.ts';
import type { EvaluationContext } from '../../../template/packer-hcl/evaluate/context.ts';
import { evaluateExpression } from '../../../template/packer-hcl/evaluate/evaluate.ts';
import type { BuildBlock } from '../../../template/packer-hcl/load/parsed-template.ts';
import type { Block } from '../../../template/packer-hcl/syntax/ast.ts';
import type { JsonTemplate } from '../../../template/packer-json/template.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { loadHcl } from '../load-hcl.ts';
import { loadJson } from '../load-json.ts';
import { type PackerUi, hidingUi } from '../packer-ui.ts';
import { TEMPLATE_FLAGS, type TemplateFlags, templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';

export const inspectCommand: PackerCommand = {
  help: `Usage: packer inspect TEMPLATE

  Shows the variables, locals and builds of a template. It is read, but not
  checked beyond what reading needs.

Options:

  -machine-readable             Write lines for machines.
  -use-sequential-evaluation    Read all data sources before any local, as old
                                versions did.`,
  examples: [
    ['packer inspect web.pkr.hcl', 'variables, locals and builds'],
    ['packer inspect -machine-readable template.json', 'for programs'],
  ],
  flags: TEMPLATE_FLAGS,
  run: async (work) => {
    const flags = templateFlags(work.flags, work.flags.args.length === 1 ? work.flags.args[0] : undefined);
    const kind = templateKind(flags, work.context);
    if ('problem' in kind) {
      work.ui.error(kind.problem);
      return 1;
    }
    return kind.kind === 'hcl2' ? await inspectHcl(work, flags) : await inspectJson(work, flags);
  },
};

async function inspectHcl(work: CommandWork, flags: TemplateFlags): Promise<number> {
  const outcome = await loadHcl(flags, work, { data: true });
  const { template } = outcome;
  const ui = hidingUi(work.ui, (text) => hideSecrets(text, template.secrets));
  const code = printProblems({ ...work, ui }, { failures: outcome.parseFailures });
  if (code !== 0) return code;
  const show = (text: string): void => ui.say(text);
  show('Packer Inspect: HCL2 mode\n');
  show(describeVariables(template).replace(/\n$/, '') + '\n');
  const names = (blocks: readonly Block[]): string[] =>
    blocks.map((block) => stepName(block, template.context));
  const lines = ['> builds:\n\n'];
  for (const [index, build] of template.builds.entries()) lines.push(describeBuild(build, index, names));
  show(lines.join('').replace(/\n$/, ''));
  return 0;
}

function describeBuild(
  build: BuildBlock,
  index: number,
  names: (blocks: readonly Block[]) => string[],
): string {
  const name = build.name === undefined || build.name === '' ? `<unnamed build ${index}>` : build.name;
  const text = [`  > ${name}:\n\n`];
  if (build.description !== '') text.push(`  > Description: ${build.description}\n\n`);
  text.push('    sources:\n');
  if (build.sources.length === 0) text.push('\n      <no source>\n');
  for (const { type, name, localName } of build.sources) text.push(`\n      ${type}.${localName ?? name}\n`);
  text.push('\n    provisioners:\n\n');
  const provisioners = names(build.steps.filter((step) => step.name === 'provisioner'));
  text.push(...list(provisioners, '<no provisioner>', '      '));
  text.push('\n    post-processors:\n\n');
  const chains = build.steps.flatMap((step) => chainOf(step));
  if (chains.length === 0) text.push('      <no post-processor>\n');
  for (const [at, chain] of chains.entries()) {
    text.push(`      ${at}:\n`, ...list(names(chain), '<no post-processor>', '        '), '\n');
  }
  if (chains.length === 0) text.push('\n');
  return text.join('');
}

function chainOf(step: Block): readonly (readonly Block[])[] {
  if (step.name === 'post-processor') return [[step]];
  if (step.name !== 'post-processors') return [];
  return [step.body.items.flatMap((item) => (item.type === 'block' ? [item] : []))];
}

const list = (names: readonly string[], none: string, indent: string): string[] =>
  names.length === 0 ? [`${indent}${none}\n`] : names.map((name) => `${indent}${name}\n`);

function stepName(block: Block, context: EvaluationContext): string {
  const type = block.labels[0]?.value ?? '';
  const attribute = block.body.items.find((item) => item.type === 'attribute' && item.name === 'name');
  const name = attribute?.type === 'attribute' ? evaluateExpression(attribute.value, context) : undefined;
  const text = name?.ok === true ? name.value.data : undefined;
  return typeof text === 'string' && text !== '' ? `${type}.${text}` : type;
}

async function inspectJson(work: CommandWork, flags: TemplateFlags): Promise<number> {
  const loaded = await loadJson(flags, work);
  if ('text' in loaded) {
    work.ui.error(loaded.text);
    return 1;
  }
  if (loaded.template !== undefined) describeJson(loaded.template, work.ui);
  return 0;
}

function describeJson(template: JsonTemplate, ui: PackerUi): void {
  ui.say('Packer Inspect: JSON mode');
  if (template.description !== '') {
    ui.say('Description:\n');
    ui.say(`${template.description}\n`);
  }
  describeJsonVariables(template, ui);
  ui.say('');
  ui.say('Builders:\n');
  if (template.builders.size === 0) ui.say('  <No builders>');
  const builders = [...template.builders].toSorted(byName);
  const width = widest(builders.map(([name]) => name));
  for (const [name, { type }] of builders) {
    ui.machine('template-builder', name, type);
    ui.say(`  ${name.padEnd(width)}${name === type ? '' : ` (${type})`}`);
  }
  ui.say('');
  ui.say('Provisioners:\n');
  if (template.provisioners.length === 0) ui.say('  <No provisioners>');
  for (const { type } of template.provisioners) {
    ui.machine('template-provisioner', type);
    ui.say(`  ${type}`);
  }
  ui.say(
    "\nNote: If your build names contain user variables or template\nfunctions such as 'timestamp', these are processed at build time,\nand therefore only show in their raw form here.",
  );
}

function describeJsonVariables(template: JsonTemplate, ui: PackerUi): void {
  if (template.variables.size === 0) {
    ui.say('Variables:\n');
    ui.say('  <No variables>');
    return;
  }
  // As in Packer, a default is hidden when it equals that of any sensitive variable.
  const secrets = new Set(template.sensitive.map((name) => template.variables.get(name)?.default));
  const shown = (text: string): string => (secrets.has(text) ? '<sensitive>' : text);
  const all = [...template.variables].toSorted(byName);
  const required = all.filter(([, variable]) => variable.required);
  if (required.length > 0) {
    ui.say('Required variables:\n');
    for (const [name, variable] of required) {
      ui.machine('template-variable', name, shown(variable.default), '1');
      ui.say(`  ${name}`);
    }
    ui.say('');
  }
  ui.say('Optional variables and their defaults:\n');
  const width = widest(all.map(([name]) => name));
  for (const [name, variable] of all) {
    if (variable.required) continue;
    ui.machine('template-variable', name, shown(variable.default), '0');
    ui.say(`  ${name.padEnd(width)} = ${shown(variable.default)}`);
  }
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
const widest = (names: readonly string[]): number =>
  names.reduce((most, name) => Math.max(most, name.length), 0);
