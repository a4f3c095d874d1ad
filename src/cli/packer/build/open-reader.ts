import { hideSecrets } from '../../../template/packer-hcl/console.ts';
import type { NotingWorld } from '../../../template/packer-lower/noting-world.ts';
import type { PackerReader } from '../../../template/packer-lower/packer-build.ts';
import { type CommandWork, printProblems } from '../command.ts';
import { loadHcl } from '../load-hcl.ts';
import { answeredVariables, loadJson, secretsOf } from '../load-json.ts';
import { hidingUi } from '../packer-ui.ts';
import type { TemplateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';
import { PACKER_VERSION } from '../../../template/packer-kinds/packer-version.ts';

/** Loads the template, data sources read; an exit code when it cannot be, and the reason is printed. */
export async function openReader(
  work: CommandWork,
  flags: TemplateFlags,
  noting: NotingWorld,
): Promise<{ readonly reader: PackerReader } | number> {
  const kind = templateKind(flags, work.context);
  if ('problem' in kind) {
    work.ui.error(kind.problem);
    return 1;
  }
  return kind.kind === 'hcl2' ? await openHcl(work, flags, noting) : await openJson(work, flags, noting);
}

/** What is wrong is told before the build begins: secrets are hidden in that too. */
const hiding = (work: CommandWork, secrets: readonly string[]): CommandWork => ({
  ...work,
  ui: hidingUi(work.ui, (text) => hideSecrets(text, secrets)),
});

async function openHcl(
  work: CommandWork,
  flags: TemplateFlags,
  { world }: NotingWorld,
): Promise<{ readonly reader: PackerReader } | number> {
  const outcome = await loadHcl(flags, work, { data: true, world });
  const warns = work.flags.switches.get('warn-on-undeclared-var') === true;
  const warnings = warns ? outcome.warnings : [];
  const { failures, parseFailures } = outcome;
  const { checkDataSources } = await import('../../../template/packer-hcl/builds/check-data.ts');
  const { checkRegistries } = await import('../../../template/packer-hcl/builds/check-registries.ts');
  const wrong = [
    ...failures,
    ...checkDataSources(outcome.template).failures,
    ...checkRegistries(outcome.template).failures,
  ];
  const { secrets } = outcome.template;
  const code = printProblems(hiding(work, secrets), {
    failures: parseFailures.length > 0 ? parseFailures : wrong,
    warnings,
  });
  if (code !== 0) return code;
  const { hclReader } = await import('../../../template/packer-lower/read-hcl.ts');
  const { only, except } = flags;
  const selection = { only, except, packerVersion: PACKER_VERSION };
  return { reader: hclReader(outcome.template, outcome.options, selection) };
}

async function openJson(
  work: CommandWork,
  flags: TemplateFlags,
  { world }: NotingWorld,
): Promise<{ readonly reader: PackerReader } | number> {
  const loaded = await loadJson(flags, work);
  if ('text' in loaded || loaded.template === undefined) {
    work.ui.error('text' in loaded ? loaded.text : '');
    return 1;
  }
  const { checkJsonTemplate } = await import('../../../template/packer-json/check-template.ts');
  const { template, given } = loaded;
  const facts = { ...loaded.facts, world: { ...loaded.facts.world, ...world } };
  const rendered = await answeredVariables({ template, given, facts }, work);
  const failures = [
    ...checkJsonTemplate(template, PACKER_VERSION),
    ...(rendered.ok ? [] : rendered.failures),
  ];
  const code = printProblems(hiding(work, secretsOf(loaded)), { failures: failures.slice(0, 1) });
  if (code !== 0) return code;
  const { jsonReader } = await import('../../../template/packer-lower/read-json.ts');
  const { only, except } = flags;
  return { reader: jsonReader(template, { given, facts, only, except }) };
}
