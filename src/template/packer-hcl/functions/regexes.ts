import { type Matcher, RE2JS } from 're2js';
import { DYNAMIC, STRING } from '../values/type.ts';
import { type Value, listValue, nullValue, objectValue, stringValue, tupleValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';

/** Patterns are Go's (RE2): matching takes time linear in the text, whatever the pattern. */
function compile(pattern: string, argument: number): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new FunctionError(
      `invalid regexp pattern: ${error instanceof Error ? error.message : String(error)}`,
      argument,
      error,
    );
  }
}

interface Shape {
  readonly names: ReadonlyMap<string, number>;
  readonly groups: number;
}

/** The names of a pattern's groups. Either all groups have a name or none has. */
function shapeOf(pattern: RE2JS): Shape {
  const groups = pattern.groupCount();
  const names = new Map(Object.entries(pattern.namedGroups()));
  if (names.size > 0 && names.size !== groups) {
    throw new FunctionError('invalid regexp pattern: cannot mix both named and unnamed capture groups', 0);
  }
  return { names, groups };
}

function group(matcher: Matcher, index: number): Value {
  const text: unknown = matcher.group(index);
  return typeof text === 'string' ? stringValue(text) : nullValue(STRING);
}

/** The match alone, or what its groups caught: a tuple, or an object when they have names. */
function captured(matcher: Matcher, { names, groups }: Shape): Value {
  if (groups === 0) return group(matcher, 0);
  if (names.size > 0)
    return objectValue(new Map([...names].map(([name, index]) => [name, group(matcher, index)])));
  return tupleValue(Array.from({ length: groups }, (_, index) => group(matcher, index + 1)));
}

function allMatches(pattern: RE2JS, text: string): Value {
  const shape = shapeOf(pattern);
  const matcher = pattern.matcher(text);
  const found: Value[] = [];
  while (matcher.find()) found.push(captured(matcher, shape));
  return found[0] === undefined ? listValue(STRING, []) : listValue(found[0].type, found);
}

/** Replaces each match; `$1`, `${1}`, `$name` and `${name}` in the replacement are the groups, `$$` a dollar. */
function replaceMatches(pattern: RE2JS, text: string, replacement: string): string {
  const names = pattern.namedGroups();
  const matcher = pattern.matcher(text);
  const chunks: string[] = [];
  let at = 0;
  while (matcher.find()) {
    chunks.push(text.slice(at, matcher.start(0)), expand(replacement, matcher, names, pattern.groupCount()));
    at = matcher.end(0);
  }
  return chunks.join('') + text.slice(at);
}

function expand(
  replacement: string,
  matcher: Matcher,
  names: Readonly<Record<string, number>>,
  groups: number,
): string {
  return replacement.replace(
    /\$(?:(\$)|\{(\w+)\}|(\w+))/g,
    (_, dollar?: string, braced?: string, bare?: string) => {
      if (dollar !== undefined) return '$';
      const name = braced ?? bare ?? '';
      const index = /^\d+$/.test(name) ? Number(name) : Object.hasOwn(names, name) ? names[name]! : -1;
      const text: unknown = index >= 0 && index <= groups ? matcher.group(index) : '';
      return typeof text === 'string' ? text : '';
    },
  );
}

const PATTERN = parameter('pattern', STRING);
const TEXT = parameter('string', STRING);

export const REGEX_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  regex: {
    parameters: [PATTERN, TEXT],
    returns: DYNAMIC,
    call: ([source, text]) => {
      const pattern = compile(textOf(source), 0);
      const shape = shapeOf(pattern);
      const matcher = pattern.matcher(textOf(text));
      if (!matcher.find()) throw new FunctionError('pattern did not match any part of the given string');
      return captured(matcher, shape);
    },
  },
  regexall: {
    parameters: [PATTERN, TEXT],
    returns: DYNAMIC,
    call: ([pattern, text]) => allMatches(compile(textOf(pattern), 0), textOf(text)),
  },
  regex_replace: {
    parameters: [parameter('str', STRING), PATTERN, parameter('replace', STRING)],
    returns: STRING,
    call: ([text, pattern, by]) =>
      stringValue(replaceMatches(compile(textOf(pattern), 1), textOf(text), textOf(by))),
  },
};
