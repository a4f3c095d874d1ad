import {
  type GoFunction,
  type GoFunctions,
  type GoValue,
  printGo,
} from '../../packer-hcl/go-template/go-value.ts';
import { GO_BUILTINS } from '../../packer-hcl/go-template/go-builtins.ts';
import { type GoNode, type GoOperand, parseGoTemplate } from '../../packer-hcl/go-template/parse-go.ts';
import { renderGoTemplate } from '../../packer-hcl/go-template/render-go.ts';
import { SourceText } from '../../packer-hcl/syntax/source-text.ts';

type Call = (...args: readonly string[]) => string;

/** A function table from plain functions of texts; numbers among the arguments come as texts. */
export function textFunctions(calls: Readonly<Record<string, Call>>): Map<string, GoFunction> {
  return new Map(
    Object.entries(calls).map(([name, call]) => [
      name,
      {
        arity: [0, Number.POSITIVE_INFINITY] as const,
        call: (args: readonly GoValue[]) => call(...args.map(printGo)),
      },
    ]),
  );
}

/**
 * Carries out the `{{ … }}` calls of a block with functions that give their HCL counterparts. Actions that are not
 * calls, such as `{{ .Vars }}`, stay. A block that cannot be read stays whole, under a comment that says why.
 */
export function transpose(text: string, functions: GoFunctions): string {
  if (!text.includes('{{')) return text;
  const all: GoFunctions = new Map([...Object.entries(GO_BUILTINS), ...functions]);
  const first = render(text, all);
  // Quotes inside a string of HCL are escaped, also those of the calls in it.
  const result = 'error' in first && text.includes('\\"') ? render(fixQuoting(text), all) : first;
  if ('text' in result) return result.text;
  const comment = result.error.startsWith('unhandled')
    ? result.error
    : `could not parse template for following block: ${JSON.stringify(result.error)}`;
  return `\n# ${comment}\n${result.source}`;
}

type Outcome = { readonly text: string } | { readonly error: string; readonly source: string };

function render(text: string, functions: GoFunctions): Outcome {
  const fail = (error: string): Outcome => ({ error, source: text });
  const parsed = parseGoTemplate(new SourceText('hcl2_upgrade', text));
  if (!parsed.ok) {
    const [failure] = parsed.failures;
    return fail(`template: hcl2_upgrade:${failure?.origin?.line ?? 1}: ${failure?.message ?? ''}`);
  }
  const unknown = parsed.value.nodes
    .flatMap((node) => functionsOf(node))
    .find(({ name }) => !functions.has(name));
  if (unknown !== undefined) {
    return fail(
      `template: hcl2_upgrade:${unknown.line}: function ${JSON.stringify(unknown.name)} not defined`,
    );
  }
  let done = '';
  for (const node of parsed.value.nodes) {
    if (node.type === 'text') done += node.text;
    else if (node.type !== 'output') return fail(`unhandled node type *parse.${capital(node.type)}Node`);
    else {
      const action = node.pipeline.span.text.replace(/^\{\{(?:- )?/, '').trim();
      const [command] = node.pipeline.commands;
      const [operand] = command?.operands ?? [];
      const single = node.pipeline.commands.length === 1 && command?.operands.length === 1;
      if (single && operand?.type !== 'function') {
        done += `{{ ${action} }}`;
        continue;
      }
      const result = renderGoTemplate(new SourceText('hcl2_upgrade', `{{ ${action} }}`), {
        data: null,
        functions,
      });
      if (!result.ok) return fail(result.failures[0]?.message ?? '');
      done += result.value;
    }
  }
  return { text: done };
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function functionsOf(node: GoNode): { readonly name: string; readonly line: number }[] {
  const inner = 'whenTrue' in node ? [...node.whenTrue, ...node.otherwise].flatMap(functionsOf) : [];
  const pipeline = 'pipeline' in node ? node.pipeline : undefined;
  const operands = (pipeline?.commands ?? []).flatMap((command) => command.operands);
  return [...operands.flatMap(calledBy), ...inner];
}

function calledBy(operand: GoOperand): { readonly name: string; readonly line: number }[] {
  if (operand.type === 'function') return [{ name: operand.name, line: operand.span.range.line }];
  if (operand.type !== 'pipeline') return [];
  return operand.pipeline.commands.flatMap((command) => command.operands).flatMap(calledBy);
}

/** `{{ env \"X\" }}` becomes `{{ env "X" }}`. */
function fixQuoting(text: string): string {
  return text.replaceAll(/\{\{[^{}]*\\"[^{}]*\}\}/g, (action) => action.replaceAll('\\"', '"'));
}
