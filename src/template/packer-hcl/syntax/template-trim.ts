import type { Expression, TemplateText } from './ast.ts';
import type { Span } from './source-text.ts';

/** A template before its directives are matched: text is one line a piece. */
export type FlatPart = FlatText | FlatInterpolation | FlatControl;

export interface FlatText {
  readonly type: 'text';
  value: string;
  readonly span: Span;
}

interface Strip {
  /** `${~`: the text before loses its blanks at its end. */
  readonly stripBefore: boolean;
  /** `~}`: the text after loses its blanks at its start. */
  readonly stripAfter: boolean;
  readonly span: Span;
}

export interface FlatInterpolation extends Strip {
  readonly type: 'interpolation';
  readonly value: Expression;
}

export interface FlatControl extends Strip {
  readonly type: 'control';
  readonly directive: Directive;
}

export type Directive =
  | { readonly type: 'if'; readonly condition: Expression }
  | { readonly type: 'else' | 'endif' | 'endfor' }
  | {
      readonly type: 'for';
      readonly keyName: string | undefined;
      readonly valueName: string;
      readonly collection: Expression;
    };

/** Carries out the strip markers. Each works on the one piece of text beside it, which is at most a line. */
export function stripBlanks(parts: readonly FlatPart[]): void {
  for (const [index, part] of parts.entries()) {
    if (part.type === 'text') continue;
    const before = parts[index - 1];
    const after = parts[index + 1];
    if (part.stripBefore && before?.type === 'text') before.value = before.value.trimEnd();
    if (part.stripAfter && after?.type === 'text') after.value = after.value.trimStart();
  }
}

/**
 * Takes the common indentation off the lines of a `<<-` heredoc. Lines of blanks alone do not count and stay;
 * a line that begins with a template sequence counts as not indented.
 */
export function removeIndentation(parts: readonly FlatPart[]): void {
  const starts: FlatText[] = [];
  let least = Number.POSITIVE_INFINITY;
  let atLineStart = true;
  for (const part of parts) {
    if (part.type !== 'text') {
      if (atLineStart) least = 0;
      atLineStart = false;
      continue;
    }
    if (atLineStart && !/^\s*\n$/.test(part.value)) {
      least = Math.min(least, part.value.length - part.value.trimStart().length);
      starts.push(part);
    }
    atLineStart = part.value.endsWith('\n');
  }
  if (least === 0 || least === Number.POSITIVE_INFINITY) return;
  for (const part of starts) part.value = part.value.slice(least);
}

/** Joins neighbouring pieces of text; empty ones go. */
export function joinText(run: readonly FlatText[]): TemplateText | undefined {
  const value = run.map((part) => part.value).join('');
  const first = run[0];
  const last = run.at(-1);
  if (first === undefined || last === undefined || value === '') return undefined;
  return { type: 'text', span: first.span.to(last.span), value };
}
