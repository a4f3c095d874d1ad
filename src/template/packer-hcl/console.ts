import { type Failure } from '../../diagnostics/failure.ts';
import { Redactor } from '../../util/redact.ts';
import { evaluateExpression } from './evaluate/evaluate.ts';
import { urlEncode } from './functions/base64.ts';
import { nodeWorld } from './functions/node-world.ts';
import { engineFunctions } from './go-template/packer-functions.ts';
import { renderGoTemplate } from './go-template/render-go.ts';
import { type LoadOptions, loadPackerTemplate } from './load/load.ts';
import type { ParsedPackerTemplate } from './load/parsed-template.ts';
import { parseExpressionText } from './syntax/parse-file.ts';
import { SourceText } from './syntax/source-text.ts';
import { printValue, quoteText } from './values/print.ts';
import type { Value } from './values/value.ts';

export interface ConsoleOptions extends LoadOptions {
  /** Without a template the console speaks the JSON form's `{{ … }}`, unless this says `hcl2`. */
  readonly configType?: 'json' | 'hcl2';
  /** Evaluates a line of the JSON form; left out: without user variables. */
  readonly evaluateLegacy?: (
    line: string,
  ) => { readonly text: string } | { readonly failures: readonly Failure[] };
}

export interface ConsoleOutcome {
  readonly stdout: string;
  readonly exitCode: number;
  readonly failures: readonly Failure[];
}

const HELP = `Every line is an expression of HCL2; its value is shown.
Variables, locals and functions of the template may be used, such as upper(var.name).

  variables   shows all input variables and locals with their values
  help        shows this text
  exit        ends the console
`;

/**
 * What `packer console` prints when lines are piped into it: the result of the last line. The exit code is 1 when
 * any line of HCL2 fails; problems of the template itself do not count, and neither do those of the JSON form, as there.
 */
export function runConsole(lines: readonly string[], options: ConsoleOptions): ConsoleOutcome {
  const legacy =
    options.template === undefined ? options.configType !== 'hcl2' : options.configType === 'json';
  const evaluate = legacy ? (options.evaluateLegacy ?? engineEvaluator(options)) : hclEvaluator(options);
  const failures: Failure[] = [];
  let last = '';
  for (const line of lines) {
    const result = evaluate(line.trim());
    if ('failures' in result) failures.push(...result.failures);
    last = 'text' in result ? result.text : '';
  }
  return { stdout: `${last}\n`, exitCode: failures.length > 0 && !legacy ? 1 : 0, failures };
}

type LineEvaluator = NonNullable<ConsoleOptions['evaluateLegacy']>;

function hclEvaluator(options: ConsoleOptions): LineEvaluator {
  const { template } = loadPackerTemplate(options);
  return (line) => {
    if (line === '') return { text: '' };
    if (line === 'help') return { text: HELP };
    if (line === 'exit') return { text: '' };
    if (line === 'variables') return { text: hideSecrets(describeVariables(template), template.secrets) };
    const parsed = parseExpressionText(new SourceText('<console-input>', line));
    if (!parsed.ok) return { failures: parsed.failures };
    const value = evaluateExpression(parsed.value, template.context);
    if (!value.ok) return { failures: value.failures };
    return { text: hideSecrets(printValue(value.value), template.secrets) };
  };
}

/** The `{{ … }}` engine as it is without a template. */
function engineEvaluator(options: ConsoleOptions): LineEvaluator {
  const world = nodeWorld({ baseDirectory: '.', ...options.world });
  const functions = engineFunctions({ world, userVariables: new Map(options.variables ?? []) });
  return (line) => {
    const rendered = renderGoTemplate(new SourceText('<console-input>', line), { data: null, functions });
    return rendered.ok ? { text: rendered.value } : { failures: rendered.failures };
  };
}

/** The list that the word `variables` shows; `inspect` prints the same. Locals that failed are not in it. */
export function describeVariables(template: ParsedPackerTemplate): string {
  const list = (prefix: string, named: readonly { readonly name: string; readonly value: Value }[]): string =>
    named
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, value }) => `${prefix}.${name}: ${quoteText(printValue(value))}\n`)
      .join('');
  const locals = [...template.locals.values()].filter(({ failed }) => !failed);
  return `> input-variables:\n\n${list('var', [...template.variables.values()])}\n> local-variables:\n\n${list('local', locals)}`;
}

const hiders = new WeakMap<readonly string[], (text: string) => string>();

/**
 * Puts `<sensitive>` in the place of every secret text: as it is, however short, and from four characters on also
 * escaped, encoded and line by line.
 */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  let hide = hiders.get(secrets);
  if (hide === undefined) {
    hide = hiderOf(secrets);
    hiders.set(secrets, hide);
  }
  return hide(text);
}

function hiderOf(secrets: readonly string[]): (text: string) => string {
  const whole = secrets.filter((secret) => secret !== '').toSorted((a, b) => b.length - a.length);
  const redactor = new Redactor();
  for (const secret of whole) {
    redactor.add(secret);
    // Forms of HCL's own: `${` doubled in quoted text, and what urlencode() gives.
    redactor.add(quoteText(secret).slice(1, -1));
    redactor.add(urlEncode(secret));
  }
  return (text) =>
    redactor.text(whole.reduce((shown, secret) => shown.replaceAll(secret, '<sensitive>'), text));
}
