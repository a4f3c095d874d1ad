import { type Failure, FailureError } from '../../../diagnostics/failure.ts';
import { type SourceText, Span } from './source-text.ts';
import { type Token, type TokenKind, scanToken } from './token.ts';

/** Deepest nesting of blocks, brackets and operators; far beyond any template, far below the call stack. */
export const MAX_DEPTH = 250;
/** What is said of a text that is nested deeper. */
export const TOO_DEEP = `The nesting here is deeper than ${MAX_DEPTH} levels.`;
/** Most nodes one file may have: bounds the memory of the syntax tree. */
export const MAX_NODES = 1_000_000;
/** After so many problems the rest of the file is not read. */
const MAX_PROBLEMS = 50;

/** Thrown at a place from which the parser finds no way on; `fatal` ones end the file. */
export class SyntaxProblem extends FailureError {
  readonly fatal: boolean;
  readonly at: number;
  constructor(failure: Failure, at: number, fatal = false) {
    super(failure);
    this.fatal = fatal;
    this.at = at;
  }
}

/** The parser's place in a text: one token of look-ahead, read on demand, and the problems met so far. */
export class Cursor {
  readonly source: SourceText;
  readonly text: string;
  readonly failures: Failure[] = [];
  #offset: number;
  #token: Token | undefined;
  #lastEnd: number;
  #ignoreNewlines = false;
  #depth = 0;
  #nodes = 0;

  constructor(source: SourceText, offset = 0) {
    this.source = source;
    this.text = source.text;
    this.#offset = offset;
    this.#lastEnd = offset;
  }

  /** The token to come, comments (and line breaks, inside brackets) left out. */
  peek(): Token {
    if (this.#token !== undefined) return this.#token;
    let token = scanToken(this.text, this.#offset);
    while (token.kind === 'comment' || (this.#ignoreNewlines && token.kind === 'newline')) {
      token = scanToken(this.text, token.end);
    }
    this.#token = token;
    return token;
  }

  next(): Token {
    const token = this.peek();
    this.#token = undefined;
    this.#offset = token.end;
    this.#lastEnd = token.end;
    return token;
  }

  at(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  atWord(word: string): boolean {
    const token = this.peek();
    return token.kind === 'identifier' && this.textOf(token) === word;
  }

  /** Takes the token when it is of the kind. */
  take(kind: TokenKind): Token | undefined {
    return this.at(kind) ? this.next() : undefined;
  }

  /** Where the last taken token ended. */
  get offset(): number {
    return this.#lastEnd;
  }

  /** Goes on from another place: templates are read without tokens. */
  moveTo(offset: number): void {
    this.#token = undefined;
    this.#offset = offset;
    this.#lastEnd = offset;
  }

  textOf(token: Token): string {
    return this.text.slice(token.start, token.end);
  }

  span(start: number, end: number = this.#lastEnd): Span {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES)
      this.fail('The file holds too many expressions.', start, start + 1, { fatal: true });
    return new Span(this.source, start, end);
  }

  spanOf(token: Token): Span {
    return this.span(token.start, token.end);
  }

  /** Runs `body` with line breaks kept or ignored. */
  withNewlines<T>(kept: boolean, body: () => T): T {
    const before = this.#ignoreNewlines;
    if (before === kept) this.#token = undefined;
    this.#ignoreNewlines = !kept;
    try {
      return body();
    } finally {
      if (before !== this.#ignoreNewlines) this.#token = undefined;
      this.#ignoreNewlines = before;
    }
  }

  /**
   * Runs `body` one level deeper. Fails when the text nests deeper than `MAX_DEPTH`.
   * @param at where this is, for readers that go through the text by themselves
   */
  nested<T>(body: () => T, at?: number): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.failTooDeep(at ?? this.peek().start);
    try {
      return body();
    } finally {
      this.#depth -= 1;
    }
  }

  get depth(): number {
    return this.#depth;
  }

  failTooDeep(start: number): never {
    this.fail(TOO_DEEP, start, start + 1, {
      fatal: true,
      hint: 'Split the expression with locals.',
    });
  }

  /** Records a problem and goes on. */
  report(message: string, start: number, end: number, more?: ProblemDetails): void {
    const fatal = this.failures.length + 1 >= MAX_PROBLEMS;
    if (fatal) this.fail(message, start, end, { ...more, fatal });
    this.failures.push(this.#failure(message, start, end, more));
  }

  /** Records a problem that ended an item and goes on. */
  add(problem: SyntaxProblem): void {
    if (this.failures.length + problem.failures.length >= MAX_PROBLEMS) {
      throw new SyntaxProblem(problem.failures[0]!, problem.at, true);
    }
    this.failures.push(...problem.failures);
  }

  /** Ends the item being read with a problem. */
  fail(message: string, start: number, end: number, more?: ProblemDetails): never {
    const shown = end > start ? end : start + 1;
    throw new SyntaxProblem(this.#failure(message, start, shown, more), start, more?.fatal);
  }

  #failure(message: string, start: number, end: number, more?: ProblemDetails): Failure {
    return {
      reason: 'template-syntax',
      message,
      origin: this.source.range(start, end),
      ...(more?.hint === undefined ? {} : { hint: more.hint }),
      ...(more?.related === undefined ? {} : { related: more.related }),
    };
  }
}

export interface ProblemDetails {
  readonly hint?: string;
  readonly related?: Failure['related'];
  readonly fatal?: boolean;
}
