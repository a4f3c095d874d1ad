import { syntaxProblem } from './go-problem.ts';
import { Cursor, SyntaxProblem } from '../syntax/cursor.ts';
import { type Result } from '../../../diagnostics/failure.ts';
import type { SourceText, Span } from '../syntax/source-text.ts';

export type GoNode =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly pipeline: GoPipeline }
  | {
      readonly type: 'if' | 'with' | 'range';
      readonly pipeline: GoPipeline;
      readonly whenTrue: readonly GoNode[];
      readonly otherwise: readonly GoNode[];
    }
  /** `{{template "name" pipeline}}`; without a pipeline its dot is nil. */
  | {
      readonly type: 'template';
      readonly name: string;
      readonly pipeline: GoPipeline | undefined;
      readonly span: Span;
      readonly nameSpan: Span;
    }
  | { readonly type: 'break' | 'continue' };

/** A text with the templates that are defined in it. */
export interface GoTemplate {
  readonly nodes: readonly GoNode[];
  readonly definitions: ReadonlyMap<string, readonly GoNode[]>;
}

export interface GoPipeline {
  /** Variables that take the value: two for the key and the item of a range. */
  readonly assign: readonly string[];
  readonly commands: readonly GoCommand[];
  readonly span: Span;
}

export interface GoCommand {
  readonly operands: readonly GoOperand[];
  readonly span: Span;
}

export type GoOperand = (
  | { readonly type: 'literal'; readonly value: string | number | boolean | null }
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'dot' }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'pipeline'; readonly pipeline: GoPipeline }
) & { readonly fields: readonly string[]; readonly span: Span };

const PIECE = /\{\{(- )?/g;
const BLANK = /\s*/y;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const STRING = /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y;
const CHARACTER = /'(?:[^'\\\n]|\\.)'/uy;
const UNTERMINATED: ReadonlyMap<string, string> = new Map([
  ['"', 'unterminated quoted string'],
  ['`', 'unterminated raw quoted string'],
  ["'", 'unterminated character constant'],
]);
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)/y;

/** Reads a text with actions of Go's template language (`{{ … }}`). Fails with `template-syntax` and a place. */
export function parseGoTemplate(source: SourceText): Result<GoTemplate> {
  const parser = new Parser(source);
  try {
    return { ok: true, value: parser.template() };
  } catch (error) {
    if (error instanceof SyntaxProblem) return { ok: false, failures: error.failures };
    throw error;
  }
}

type Ending = 'end' | 'else' | 'finish';

class Parser {
  readonly #cursor: Cursor;
  readonly #text: string;
  #at = 0;
  #trimNext = false;
  /** How many ranges stand around. */
  #ranges = 0;
  #depth = 0;
  readonly #definitions = new Map<string, readonly GoNode[]>();

  constructor(source: SourceText) {
    this.#cursor = new Cursor(source);
    this.#text = source.text;
  }

  template(): GoTemplate {
    const { nodes, ending, start } = this.#nodes();
    if (ending !== 'finish') this.#fail(`unexpected {{${ending}}}`, start);
    return { nodes, definitions: this.#definitions };
  }

  /** Nodes up to `{{end}}`, `{{else …}}` (left standing after its word) or the end of the text. */
  #nodes(): { readonly nodes: GoNode[]; readonly ending: Ending; readonly start: number } {
    const nodes: GoNode[] = [];
    for (;;) {
      PIECE.lastIndex = this.#at;
      const open = PIECE.exec(this.#text);
      const start = open?.index ?? this.#text.length;
      let text = this.#text.slice(this.#at, start);
      if (this.#trimNext) text = text.trimStart();
      if (open?.[1] !== undefined) text = text.trimEnd();
      if (text !== '') nodes.push({ type: 'text', text });
      if (open === null) return { nodes, ending: 'finish', start };
      this.#at = open.index + open[0].length;
      const ending = this.#action(start, nodes);
      if (ending !== undefined) return { nodes, ending, start };
    }
  }

  #action(start: number, nodes: GoNode[]): Ending | undefined {
    if (this.#text.startsWith('/*', this.#at)) {
      const end = this.#text.indexOf('*/', this.#at + 2);
      if (end === -1) this.#fail('unclosed comment', start);
      this.#at = end + 2;
      this.#close(start);
      return undefined;
    }
    const word = this.#peekWord();
    if (word === 'end') {
      this.#take(WORD);
      this.#close(start);
      return 'end';
    }
    if (word === 'else') {
      this.#take(WORD);
      return 'else';
    }
    if (word === 'if' || word === 'with' || word === 'range') {
      this.#take(WORD);
      nodes.push(this.#cursor.nested(() => this.#block(word, start), start));
      return undefined;
    }
    if (word === 'define' || word === 'block' || word === 'template') {
      this.#take(WORD);
      nodes.push(...this.#cursor.nested(() => this.#named(word, start), start));
      return undefined;
    }
    if ((word === 'break' || word === 'continue') && this.#isAlone(word)) {
      this.#take(WORD);
      if (this.#ranges === 0) this.#fail(`{{${word}}} outside {{range}}`, start);
      this.#close(start);
      nodes.push({ type: word });
      return undefined;
    }
    nodes.push({ type: 'output', pipeline: this.#pipeline(start) });
    this.#close(start);
    return undefined;
  }

  #isAlone(word: string): boolean {
    return new RegExp(String.raw`^\s*${word}\s*(?:-\s*)?\}\}`).test(
      this.#text.slice(this.#at, this.#at + 200),
    );
  }

  /** `{{define}}`, `{{block}}` and `{{template}}`: what has a name of its own. */
  #named(type: 'define' | 'block' | 'template', start: number): readonly GoNode[] {
    this.#take(BLANK);
    const quoted = this.#take(STRING);
    if (quoted === '') {
      const [met = ''] = /^[^\s}]+|^\}\}/.exec(this.#text.slice(this.#at, this.#at + 200)) ?? [];
      this.#fail(`unexpected ${JSON.stringify(met)} in ${type} clause`, start);
    }
    const name = this.#unquote(quoted, start);
    const nameSpan = this.#cursor.span(this.#at - quoted.length, this.#at);
    if (type === 'define' && this.#depth > 0) this.#fail('unexpected {{define}}', start);
    const hasPipeline =
      type !== 'define' && !/^\s*(?:-\s*)?\}\}/.test(this.#text.slice(this.#at, this.#at + 200));
    if (type === 'block' && !hasPipeline) this.#fail('missing value for block clause', start);
    const pipeline = hasPipeline ? this.#pipeline(start) : undefined;
    this.#close(start);
    const call = {
      type: 'template',
      name,
      pipeline,
      span: this.#cursor.span(start, this.#at),
      nameSpan,
    } as const;
    if (type === 'template') return [call];
    const { ranges, depth } = { ranges: this.#ranges, depth: this.#depth };
    this.#ranges = 0;
    this.#depth = depth + 1;
    const { nodes, ending } = this.#nodes();
    this.#ranges = ranges;
    this.#depth = depth;
    if (ending !== 'end') this.#fail('unexpected EOF', start);
    // One that is empty does not take the place of another.
    const isEmpty = nodes.every((node) => node.type === 'text' && node.text.trim() === '');
    if (!isEmpty || !this.#definitions.has(name)) this.#definitions.set(name, nodes);
    return type === 'block' ? [call] : [];
  }

  #block(type: 'if' | 'with' | 'range', start: number): GoNode {
    this.#depth += 1;
    try {
      return this.#branches(type, start);
    } finally {
      this.#depth -= 1;
    }
  }

  #branches(type: 'if' | 'with' | 'range', start: number): GoNode {
    const pipeline = this.#pipeline(start, type);
    this.#close(start);
    const loops = type === 'range' ? 1 : 0;
    this.#ranges += loops;
    const { nodes: whenTrue, ending } = this.#nodes();
    this.#ranges -= loops;
    if (ending === 'finish') this.#fail('unexpected EOF', start);
    if (ending === 'end') return { type, pipeline, whenTrue, otherwise: [] };
    if (this.#peekWord() === 'if') {
      this.#take(WORD);
      return { type, pipeline, whenTrue, otherwise: [this.#cursor.nested(() => this.#block('if', start))] };
    }
    this.#close(start);
    const rest = this.#nodes();
    if (rest.ending !== 'end') this.#fail('unexpected EOF', start);
    return { type, pipeline, whenTrue, otherwise: rest.nodes };
  }

  /** @param what it is the value of, for messages */
  #pipeline(start: number, what = 'command'): GoPipeline {
    return this.#cursor.nested(() => {
      const assign = this.#assignment();
      const commands: GoCommand[] = [];
      do commands.push(this.#command(start, commands.length === 0 ? what : 'command'));
      while (this.#takeSign('|'));
      return { assign, commands, span: this.#cursor.span(start, this.#at) };
    });
  }

  #assignment(): string[] {
    const match = /^\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:?=(?!=)/.exec(
      this.#text.slice(this.#at, this.#at + 200),
    );
    if (match === null) return [];
    this.#at += match[0].length;
    return [match[1], match[2]].flatMap((name) => (name === undefined ? [] : [name]));
  }

  #command(actionStart: number, what: string): GoCommand {
    const operands: GoOperand[] = [];
    this.#take(BLANK);
    const start = this.#at;
    for (
      let operand = this.#operand(actionStart);
      operand !== undefined;
      operand = this.#operand(actionStart)
    )
      operands.push(operand);
    if (operands.length === 0)
      this.#fail(
        this.#at >= this.#text.length ? 'unclosed action' : `missing value for ${what}`,
        actionStart,
      );
    return { operands, span: this.#cursor.span(start, this.#at) };
  }

  #operand(actionStart: number): GoOperand | undefined {
    this.#take(BLANK);
    const start = this.#at;
    const finish = <const T extends object>(operand: T): T & { fields: readonly string[]; span: Span } => {
      const fields = this.#fields();
      return { ...operand, fields, span: this.#cursor.span(start, this.#at) };
    };
    const text = this.#take(STRING);
    if (text !== '') return finish({ type: 'literal', value: this.#unquote(text, start) });
    const character = this.#take(CHARACTER);
    if (character !== '')
      return finish({
        type: 'literal',
        value: this.#unquote(`"${character.slice(1, -1)}"`, start).codePointAt(0) ?? 0,
      });
    if (this.#text[start] === '(') {
      this.#at += 1;
      const pipeline = this.#pipeline(start, 'parenthesized pipeline');
      if (!this.#takeSign(')')) this.#fail('unclosed left paren', start);
      return finish({ type: 'pipeline', pipeline });
    }
    if (this.#text[start] === '$') {
      this.#at += 1;
      return finish({ type: 'variable', name: `$${this.#take(WORD)}` });
    }
    const number = /^-\s*\}\}/.test(this.#text.slice(start, start + 20)) ? '' : this.#take(NUMBER);
    if (number !== '') return finish({ type: 'literal', value: Number(number) });
    if (this.#text[start] === '.') {
      if (/[\p{L}_]/u.test(this.#text[start + 1] ?? '')) return finish({ type: 'dot' });
      this.#at += 1;
      return finish({ type: 'dot' });
    }
    const word = this.#take(WORD);
    if (word === 'true' || word === 'false' || word === 'nil')
      return finish({ type: 'literal', value: word === 'nil' ? null : word === 'true' });
    if (word !== '') return finish({ type: 'function', name: word });
    if (this.#at >= this.#text.length) this.#fail('unclosed action', actionStart);
    if (/^(?:\||\)|-?\s*\}\})/.test(this.#text.slice(start, start + 20))) return undefined;
    const unterminated = UNTERMINATED.get(this.#text[start] ?? '');
    return this.#fail(unterminated ?? `unexpected ${JSON.stringify(this.#text[start])} in command`, start);
  }

  #fields(): string[] {
    const fields: string[] = [];
    while (this.#text[this.#at] === '.' && /[\p{L}_]/u.test(this.#text[this.#at + 1] ?? '')) {
      this.#at += 1;
      fields.push(this.#take(WORD));
    }
    return fields;
  }

  #unquote(text: string, start: number): string {
    if (text.startsWith('`')) return text.slice(1, -1);
    try {
      const value: unknown = JSON.parse(text.replaceAll("\\'", "'").replaceAll('\t', '\\t'));
      return String(value);
    } catch {
      return this.#fail('invalid syntax', start);
    }
  }

  #close(start: number): void {
    const match = /^\s*(-?)\}\}/.exec(this.#text.slice(this.#at, this.#at + 1000));
    if (match === null)
      this.#fail(
        this.#text.indexOf('}}', this.#at) === -1 ? 'unclosed action' : 'unexpected text in an action',
        start,
      );
    this.#at += match[0].length;
    this.#trimNext = match[1] === '-';
  }

  #peekWord(): string {
    this.#take(BLANK);
    const before = this.#at;
    const word = this.#take(WORD);
    this.#at = before;
    return word;
  }

  #takeSign(sign: string): boolean {
    this.#take(BLANK);
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fail(message: string, start: number): never {
    return this.#cursor.fail(
      syntaxProblem(this.#cursor.source, Math.min(this.#at, this.#text.length), message),
      start,
      Math.max(start + 1, Math.min(this.#at, this.#text.length)),
    );
  }
}
