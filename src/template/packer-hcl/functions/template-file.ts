import { Scope } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { unwrap } from '../../../diagnostics/failure.ts';
import { referencesOf } from '../load/references.ts';
import { parseTemplateText } from '../syntax/parse-file.ts';
import { SourceText } from '../syntax/source-text.ts';
import { isIdentifier } from '../syntax/token.ts';
import { DYNAMIC, STRING } from '../values/type.ts';
import { entriesOf } from '../values/value.ts';
import { readText } from './files.ts';
import { type FunctionDefinition, FunctionError, type FunctionTable, parameter, textOf } from './function.ts';

/**
 * `templatefile(path, vars)`: the file as a template that sees only `vars`. Problems in it point into that file.
 * A template file may not read template files itself.
 */
export function templateFile(functions: () => FunctionTable): FunctionDefinition {
  return {
    parameters: [parameter('path', STRING), parameter('vars')],
    returns: DYNAMIC,
    call: ([path, vars], world) => {
      const name = textOf(path);
      const entries = vars === undefined ? undefined : entriesOf(vars);
      if (entries === undefined) throw new FunctionError('invalid vars value: must be a map', 1);
      const wrong = [...entries.keys()].find((key) => !isIdentifier(key));
      if (wrong !== undefined) {
        throw new FunctionError(
          `invalid template variable name ${JSON.stringify(wrong)}: must start with a letter, followed by zero or more letters, digits, and underscores`,
          1,
        );
      }
      const template = unwrap(parseTemplateText(new SourceText(name, readText(name, world))));
      for (const { root, span } of referencesOf(template)) {
        if (entries.has(root)) continue;
        const { line, column } = span.range;
        throw new FunctionError(
          `vars map does not contain key ${JSON.stringify(root)}, referenced at ${name}:${line},${column}-${column + root.length}`,
          1,
        );
      }
      const table = new Map(functions()).set('templatefile', RECURSIVE);
      return evaluate(template, { variables: new Scope(entries), functions: table, world });
    },
  };
}

const RECURSIVE: FunctionDefinition = {
  parameters: [parameter('path', STRING), parameter('vars')],
  returns: DYNAMIC,
  call: () => {
    throw new FunctionError('cannot recursively call templatefile from inside templatefile call');
  },
};
