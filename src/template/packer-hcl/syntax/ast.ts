import type { Value } from '../values/value.ts';
import type { Span } from './source-text.ts';

/** A whole file. Blocks and attributes keep the order of the text. */
export interface File {
  readonly file: string;
  readonly body: Body;
}

export interface Body {
  readonly span: Span;
  readonly items: readonly BodyItem[];
}

export type BodyItem = Attribute | Block;

export interface Attribute {
  readonly type: 'attribute';
  readonly span: Span;
  readonly name: string;
  readonly nameSpan: Span;
  readonly value: Expression;
}

export interface Block {
  readonly type: 'block';
  readonly span: Span;
  readonly name: string;
  readonly nameSpan: Span;
  readonly labels: readonly Label[];
  /** From the name to the opening brace: what a message about the block points to. */
  readonly headerSpan: Span;
  readonly body: Body;
}

export interface Label {
  readonly span: Span;
  readonly value: string;
}

/** Every expression of the language; `span` covers it from its first to its last character. */
export type Expression =
  | NumberLiteral
  | KeywordLiteral
  | Template
  | TemplateWrap
  | TupleExpression
  | ObjectExpression
  | ForExpression
  | Conditional
  | Binary
  | Unary
  | Splat
  | IndexExpression
  | AttributeAccess
  | Variable
  | Call
  | Parentheses
  | Scoped;

interface Node<T extends string> {
  readonly type: T;
  readonly span: Span;
}

export interface NumberLiteral extends Node<'number'> {
  readonly text: string;
}

export interface KeywordLiteral extends Node<'keyword'> {
  readonly value: boolean | null;
}

/** A quoted template or heredoc; always gives a string. */
export interface Template extends Node<'template'> {
  readonly parts: readonly TemplatePart[];
  readonly form: 'quoted' | 'heredoc' | 'plain';
}

/** `"${x}"`: the value of `x` itself, whatever its type. */
export interface TemplateWrap extends Node<'template-wrap'> {
  readonly inner: Expression;
}

export type TemplatePart = TemplateText | TemplateInterpolation | TemplateIf | TemplateFor;

export interface TemplateText extends Node<'text'> {
  readonly value: string;
}

export interface TemplateInterpolation extends Node<'interpolation'> {
  readonly value: Expression;
}

export interface TemplateIf extends Node<'if'> {
  readonly condition: Expression;
  readonly whenTrue: readonly TemplatePart[];
  readonly otherwise: readonly TemplatePart[];
}

export interface TemplateFor extends Node<'for'> {
  readonly keyName: string | undefined;
  readonly valueName: string;
  readonly collection: Expression;
  readonly body: readonly TemplatePart[];
}

export interface TupleExpression extends Node<'tuple'> {
  readonly items: readonly Expression[];
}

export interface ObjectExpression extends Node<'object'> {
  readonly items: readonly ObjectItem[];
}

export interface ObjectItem {
  /** A bare word is a `Template` of that word; a key in parentheses is `Parentheses`. */
  readonly key: Expression;
  /** The word of the key when it was written bare. */
  readonly bareKey: string | undefined;
  readonly value: Expression;
}

/** `[for k, v in c : v if x]` has no `key`; `{for k, v in c : k => v...}` has one, and may group. */
export interface ForExpression extends Node<'for-expression'> {
  readonly keyName: string | undefined;
  readonly valueName: string;
  readonly collection: Expression;
  readonly key: Expression | undefined;
  readonly value: Expression;
  readonly group: boolean;
  readonly condition: Expression | undefined;
}

export interface Conditional extends Node<'conditional'> {
  readonly condition: Expression;
  readonly whenTrue: Expression;
  readonly otherwise: Expression;
}

export type BinaryOperator =
  '||' | '&&' | '==' | '!=' | '<' | '>' | '<=' | '>=' | '+' | '-' | '*' | '/' | '%';

export interface Binary extends Node<'binary'> {
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Unary extends Node<'unary'> {
  readonly operator: '!' | '-';
  readonly operand: Expression;
}

/** `form` attribute is `.*` (only attributes follow each item), full is `[*]` (attributes and indexes do). */
export interface Splat extends Node<'splat'> {
  readonly form: 'attribute' | 'full';
  readonly source: Expression;
  readonly each: readonly SplatStep[];
}

export type SplatStep =
  | { readonly type: 'attribute'; readonly name: string; readonly span: Span }
  | { readonly type: 'index'; readonly key: Expression; readonly span: Span };

export interface IndexExpression extends Node<'index'> {
  readonly collection: Expression;
  readonly key: Expression;
}

export interface AttributeAccess extends Node<'attribute-access'> {
  readonly object: Expression;
  readonly name: string;
  readonly nameSpan: Span;
}

/** The first name of a traversal: `var` in `var.a`. */
export interface Variable extends Node<'variable'> {
  readonly name: string;
}

export interface Call extends Node<'call'> {
  readonly name: string;
  readonly nameSpan: Span;
  readonly arguments: readonly Expression[];
  /** The last argument is followed by `...`. */
  readonly expandLast: boolean;
}

export interface Parentheses extends Node<'parentheses'> {
  readonly inner: Expression;
}

/** An expression under names that the `dynamic` block around it binds; never written by a parser. */
export interface Scoped extends Node<'scoped'> {
  readonly inner: Expression;
  readonly names: ReadonlyMap<string, Value>;
}
