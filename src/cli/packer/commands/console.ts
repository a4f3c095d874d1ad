import { fstatSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { WriteStream } from 'node:tty';
import type { Failure } from '../../../diagnostics/failure.ts';
import { type ConsoleOptions, hideSecrets, runConsole } from '../../../template/packer-hcl/console.ts';
import { SourceText } from '../../../template/packer-hcl/syntax/source-text.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { hclOptions, loadHcl } from '../load-hcl.ts';
import { answeredVariables, loadJson, secretsOf } from '../load-json.ts';
import { hidingUi } from '../packer-ui.ts';
import { readStdin } from '../read-stdin.ts';
import { TEMPLATE_FLAGS, type TemplateFlags, templateFlags } from '../template-flags.ts';
import { templateKind } from '../template-kind.ts';

export const consoleCommand: PackerCommand = {
  help: `Usage: packer console [options] [TEMPLATE]

  Shows the value of every expression that is typed. Variables and locals of
  the template may be used. When expressions are piped in, only the result of
  the last one is shown.

Options:
  -var 'key=value'              Give a variable its value; may be repeated.
  -var-file=path                Read values from a file; may be repeated.
  -config-type                  Set to 'hcl2' for HCL2 when there is no
                                template; json otherwise.
  -use-sequential-evaluation    Read all data sources before any local, as old
                                versions did.`,
  examples: [
    ['packer console web.pkr.hcl', 'variables and locals of the template can be used'],
    [`echo 'upper("x")' | packer console -config-type=hcl2`, 'the value of one expression'],
  ],
  flags: TEMPLATE_FLAGS,
  run: async (work) => {
    const { args } = work.flags;
    const flags = templateFlags(work.flags, args.length === 1 ? args[0] : undefined);
    const kind = templateKind(flags, work.context);
    if ('problem' in kind) {
      work.ui.error(kind.problem);
      return 1;
    }
    const prepared = kind.kind === 'hcl2' ? await hclConsole(work, flags) : await jsonConsole(work, flags);
    if (prepared === undefined) return 1;
    const { options, secrets } = prepared;
    const hide = (text: string): string => hideSecrets(text, [...secrets, ...work.servers.secrets()]);
    const shown = { ...work, ui: hidingUi(work.ui, hide) };
    return isTyped(work.context.stdin) ? await talk(shown, options) : await readAll(shown, options);
  },
};

interface PreparedConsole {
  readonly options: ConsoleOptions;
  readonly secrets: readonly string[];
}

async function hclConsole(work: CommandWork, flags: TemplateFlags): Promise<PreparedConsole | undefined> {
  const loaded = await loadHcl(flags, work, { data: true });
  if (printProblems(work, { failures: loaded.parseFailures }) !== 0) return undefined;
  return { options: { ...loaded.options, configType: 'hcl2' }, secrets: loaded.template.secrets };
}

async function jsonConsole(work: CommandWork, flags: TemplateFlags): Promise<PreparedConsole | undefined> {
  const loaded = await loadJson(flags, work);
  if ('text' in loaded) {
    work.ui.error(loaded.text);
    return undefined;
  }
  const { engineFunctions } = await import('../../../template/packer-hcl/go-template/packer-functions.ts');
  const { renderGoTemplate } = await import('../../../template/packer-hcl/go-template/render-go.ts');
  const rendered = await answeredVariables(loaded, work);
  const variables: ReadonlyMap<string, string> = rendered.ok ? rendered.value : new Map();
  const functions = engineFunctions({ ...loaded.facts, userVariables: variables });
  const options: ConsoleOptions = {
    ...hclOptions({ ...flags, path: undefined }, work),
    configType: 'json',
    evaluateLegacy: (line) => {
      if (line === '' || line === 'exit') return { text: '' };
      if (line === 'help') return { text: JSON_HELP };
      if (line === 'variables') {
        const list = [...variables].toSorted(([a], [b]) => (a < b ? -1 : 1));
        return { text: `\n${list.map(([name, value]) => `${name}: ${value},\n`).join('')}` };
      }
      const result = renderGoTemplate(new SourceText('<console-input>', line), { data: null, functions });
      return result.ok ? { text: result.value } : { failures: result.failures.map(withoutPlace) };
    },
  };
  const sensitive = loaded.template?.sensitive ?? [];
  const known = sensitive.flatMap((name) => variables.get(name) ?? []);
  return { options, secrets: [...known, ...secretsOf(loaded)] };
}

const withoutPlace = ({ reason, message, hint }: Failure): Failure => ({
  reason,
  message,
  ...(hint !== undefined && { hint }),
});

const JSON_HELP = `Every line is a text with {{ … }} actions of a JSON template; what becomes of it is shown.
"{{timestamp}}" for example gives the time in seconds, and "{{user \`name\`}}" a variable of the template.

  variables   shows all variables with their values
  help        shows this text
  exit        ends the console

Start with -config-type=hcl2 for expressions of HCL2.`;

async function readAll(work: CommandWork, options: ConsoleOptions): Promise<number> {
  const text = (await readStdin(work.context)).toString('utf8');
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const outcome = await work.servers.answering(work.context.signal, () => runConsole(lines, options));
  printProblems(work, { failures: outcome.failures });
  work.ui.message(outcome.stdout.replace(/\n$/, ''));
  return outcome.exitCode;
}

/** As in Packer a file (`< lines`) counts as typed: every line has its result. What comes through a pipe does not. */
function isTyped(stdin: NodeJS.ReadStream): boolean {
  if (stdin.isTTY) return true;
  if (!('fd' in stdin) || typeof stdin.fd !== 'number') return false;
  const status = fstatSync(stdin.fd);
  return status.isFile() || status.isCharacterDevice();
}

async function talk(work: CommandWork, options: ConsoleOptions): Promise<number> {
  const { stdin, stdout, signal } = work.context;
  // The template may have come through it.
  if (stdin.readableEnded) return 0;
  // At a terminal lines can be edited, and earlier ones come back with the arrow keys.
  const terminal = stdin.isTTY && stdout instanceof WriteStream ? { output: stdout, prompt: '> ' } : {};
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY, ...terminal });
  lines.on('SIGINT', () => lines.close());
  const prompt = (): void => {
    if (stdin.isTTY) lines.prompt();
  };
  prompt();
  for await (const line of lines) {
    if (line.trim() === 'exit') break;
    const outcome = await work.servers.answering(signal, () => runConsole([line], options));
    printProblems(work, { failures: outcome.failures });
    work.ui.say(outcome.stdout.replace(/\n$/, ''));
    prompt();
  }
  lines.close();
  return 0;
}
