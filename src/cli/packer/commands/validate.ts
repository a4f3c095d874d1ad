import type { Failure } from '../../../diagnostics/failure.ts';
import { hideSecrets } from '../../../template/packer-hcl/console.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { loadHcl } from '../load-hcl.ts';
import { answeredVariables, loadJson, secretsOf } from '../load-json.ts';
import { hidingUi } from '../packer-ui.ts';
import { TEMPLATE_FLAGS, type TemplateFlags, templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';
import { PACKER_VERSION } from '../../../template/packer-kinds/packer-version.ts';

const SYNTAX_ONLY = 'Syntax-only check passed. Everything looks okay.';
const VALID = 'The configuration is valid.';

export const validateCommand: PackerCommand = {
  help: `Usage: packer validate [options] TEMPLATE

  Reads the template and checks every block against the options of its kind.
  Nothing is started. Data sources are read only with -evaluate-datasources;
  the functions vault, consul_key and aws_secretsmanager ask their servers.

  The exit code is 0 when the template is valid, and 1 when it is not.

Options:

  -syntax-only                  Check the syntax only, not the configuration.
  -except=foo,bar,baz           Check all builds but these.
  -only=foo,bar,baz             Check only these builds.
  -machine-readable             Write lines for machines.
  -var 'key=value'              Give a variable its value; may be repeated.
  -var-file=path                Read values from a file; may be repeated.
  -no-warn-undeclared-var       Do not warn of values for variables that the
                                template does not declare.
  -evaluate-datasources         Read the data sources (HCL2 only).
  -ignore-prerelease-plugins    Taken for the sake of scripts; no effect.
  -use-sequential-evaluation    Read all data sources before any local, as old
                                versions did.`,
  examples: [
    ['packer validate .', 'a folder of files'],
    ['packer validate -syntax-only web.pkr.hcl', 'its syntax alone'],
    ['packer validate -var-file=prod.pkrvars.hcl .', 'with the values of a file'],
  ],
  flags: {
    ...TEMPLATE_FLAGS,
    'syntax-only': 'switch',
    'no-warn-undeclared-var': 'switch',
    'evaluate-datasources': 'switch',
    'ignore-prerelease-plugins': 'switch',
  },
  run: async (work) => {
    const { flags, ui, context } = work;
    const [path] = flags.args;
    if (path === undefined || flags.args.length !== 1) return 'usage';
    const template = templateFlags(flags, path);
    const kind = templateKind(template, context);
    if ('problem' in kind) {
      ui.error(kind.problem);
      return 1;
    }
    return kind.kind === 'hcl2' ? await validateHcl(work, template) : await validateJson(work, template);
  },
};

async function validateHcl(command: CommandWork, flags: TemplateFlags): Promise<number> {
  const { switches } = command.flags;
  const syntaxOnly = switches.get('syntax-only') === true;
  const data = switches.get('evaluate-datasources') === true && !syntaxOnly;
  const outcome = await loadHcl(flags, command, { data, parseOnly: syntaxOnly });
  const { servers } = command;
  const hide = (text: string): string =>
    hideSecrets(text, [...outcome.template.secrets, ...servers.secrets()]);
  const work = { ...command, ui: hidingUi(command.ui, hide) };
  const quiet = switches.get('no-warn-undeclared-var') === true;
  const warnings = quiet ? [] : outcome.warnings.map(withoutPlace);
  // What cannot be read has nothing that could be checked.
  const parsed = printProblems(work, { failures: outcome.parseFailures, warnings });
  if (parsed !== 0) return parsed;
  if (syntaxOnly) {
    command.ui.say(SYNTAX_ONLY);
    return 0;
  }
  const { prepareBuilds } = await import('../../../template/packer-hcl/builds/prepare-builds.ts');
  const { checkDataSources } = await import('../../../template/packer-hcl/builds/check-data.ts');
  const prepared = await servers.answering(command.context.signal, () =>
    prepareBuilds(outcome.template, { ...flags, packerVersion: PACKER_VERSION }),
  );
  const { checkRegistries } = await import('../../../template/packer-hcl/builds/check-registries.ts');
  const checked = checkDataSources(outcome.template);
  const registries = checkRegistries(outcome.template);
  // Where reading failed, a build block may only seem to be missing.
  const builds = prepared.failures.filter(
    ({ message }) =>
      outcome.failures.length === 0 || !/^(?:Missing build block|missing source reference):/.test(message),
  );
  const failures = [...outcome.failures, ...checked.failures, ...registries.failures, ...builds];
  const code = printProblems(work, { failures, warnings: prepared.warnings });
  if (code === 0) command.ui.say(VALID);
  return code;
}

async function validateJson(command: CommandWork, flags: TemplateFlags): Promise<number> {
  const loaded = await loadJson(flags, command);
  if ('text' in loaded) {
    command.ui.error(loaded.text);
    return 1;
  }
  const { template, facts } = loaded;
  const hide = (text: string): string => hideSecrets(text, secretsOf(loaded));
  const work = { ...command, ui: hidingUi(command.ui, hide) };
  if (work.flags.switches.get('syntax-only') === true || template === undefined) {
    command.ui.say(SYNTAX_ONLY);
    return 0;
  }
  const { checkJsonTemplate } = await import('../../../template/packer-json/check-template.ts');
  const { prepareJsonBuilds } = await import('../../../template/packer-json/prepare.ts');
  const failures = checkJsonTemplate(template, PACKER_VERSION);
  if (failures.length > 0) return printProblems(work, { failures: failures.map(listed) });
  const variables = await answeredVariables(loaded, work);
  if (!variables.ok) return printProblems(work, { failures: variables.failures.map(listed) });
  const { only, except } = flags;
  const prepared = prepareJsonBuilds(template, { ...facts, variables: variables.value, only, except });
  const code = printProblems(work, prepared);
  if (code === 0) command.ui.say(VALID);
  return code;
}

/** What is wrong with the template as a whole has no summary of its own in Packer's output, only a list. */
const listed = (failure: Failure): Failure => ({
  ...failure,
  message: `Invalid template\n1 error occurred:\n\t* ${failure.message}`,
});

/** Packer shows no place for values of undeclared variables, and scripts compare the text. */
const withoutPlace = ({ reason, message, hint }: Failure): Failure => ({
  reason,
  message,
  ...(hint !== undefined && { hint }),
});
