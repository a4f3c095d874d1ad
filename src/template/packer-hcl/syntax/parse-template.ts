import type { Expression, Template, TemplatePart, TemplateWrap } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parseForIntroduction } from './parse-for.ts';
import { type TemplateForm, readLiteralRun } from './template-text.ts';
import {
  type Directive,
  type FlatControl,
  type FlatPart,
  joinText,
  removeIndentation,
  stripBlanks,
} from './template-trim.ts';
import type { FlatText } from './template-trim.ts';

/** Reads a quoted template; the cursor stands at its opening quote. */
export function parseQuotedTemplate(cursor: Cursor): Template | TemplateWrap {
  const open = cursor.next();
  return parseTemplate(cursor, { type: 'quoted', start: open.start }, open.end);
}

/** Reads a heredoc; the cursor stands at its `<<`. */
export function parseHeredoc(cursor: Cursor): Template | TemplateWrap {
  const open = cursor.next();
  const introduction = cursor.textOf(open).trimEnd();
  const flush = introduction.startsWith('<<-');
  const marker = introduction.slice(flush ? 3 : 2);
  const newline = cursor.text.indexOf('\n', open.end);
  const body = newline === -1 ? cursor.text.length : newline + 1;
  return parseTemplate(cursor, { type: 'heredoc', start: open.start, marker, flush }, body);
}

/** Reads the whole text as a template: `templatefile` and the strings of the JSON form. */
export function parsePlainTemplate(cursor: Cursor): Template | TemplateWrap {
  return parseTemplate(cursor, { type: 'plain', start: 0 }, 0);
}

function parseTemplate(cursor: Cursor, form: TemplateForm, bodyStart: number): Template | TemplateWrap {
  const flat = readFlatParts(cursor, form, bodyStart);
  stripBlanks(flat);
  if (form.type === 'heredoc' && form.flush) removeIndentation(flat);
  const builder = { cursor, flat, index: 0 };
  const parts = buildParts(builder);
  const rest = flat[builder.index];
  if (rest?.type === 'control') {
    cursor.fail(
      `Unexpected ${rest.directive.type} directive: no directive is open that it could belong to.`,
      rest.span.start,
      rest.span.end,
    );
  }
  const span = cursor.span(form.start);
  const only = parts.length === 1 ? parts[0] : undefined;
  if (only?.type === 'interpolation') return { type: 'template-wrap', span, inner: only.value };
  return { type: 'template', span, parts, form: form.type };
}

function readFlatParts(cursor: Cursor, form: TemplateForm, bodyStart: number): FlatPart[] {
  const parts: FlatPart[] = [];
  let at = bodyStart;
  let atLineStart = true;
  for (;;) {
    const run = readLiteralRun(cursor, form, at, atLineStart);
    if (run.value !== '') parts.push({ type: 'text', value: run.value, span: cursor.span(at, run.end) });
    at = run.end;
    atLineStart = run.stop === 'line';
    if (run.stop === 'end') {
      cursor.moveTo(run.after);
      return parts;
    }
    if (run.stop !== 'line') {
      parts.push(readSequence(cursor, at, run.stop));
      at = cursor.offset;
    }
  }
}

/** Reads `${ … }` or `%{ … }`. */
function readSequence(cursor: Cursor, start: number, kind: 'interpolation' | 'control'): FlatPart {
  const stripBefore = cursor.text[start + 2] === '~';
  cursor.moveTo(start + (stripBefore ? 3 : 2));
  return cursor.withNewlines(false, () => {
    const content =
      kind === 'interpolation'
        ? { type: kind, value: cursor.nested(() => parseExpression(cursor)) }
        : { type: kind, directive: cursor.nested(() => readDirective(cursor)) };
    const stripAfter = cursor.take('~') !== undefined;
    if (cursor.take('}') === undefined) failUnclosedSequence(cursor, start, kind);
    return { ...content, stripBefore, stripAfter, span: cursor.span(start) };
  });
}

function failUnclosedSequence(cursor: Cursor, start: number, kind: 'interpolation' | 'control'): never {
  const token = cursor.peek();
  const what = kind === 'interpolation' ? 'interpolation' : 'directive';
  if (token.kind === 'end') {
    cursor.fail(`Unclosed template ${what}: there is no closing brace.`, start, start + 2);
  }
  return cursor.fail(`Extra characters after the ${what}: expected a closing brace.`, token.start, token.end);
}

function readDirective(cursor: Cursor): Directive {
  const token = cursor.next();
  const word = token.kind === 'identifier' ? cursor.textOf(token) : '';
  if (word === 'if') return { type: 'if', condition: parseExpression(cursor) };
  if (word === 'for') return { type: 'for', ...parseForIntroduction(cursor) };
  if (word === 'else' || word === 'endif' || word === 'endfor') return { type: word };
  return cursor.fail('Invalid template directive.', token.start, token.end, {
    hint: 'Use if, else, endif, for or endfor; write %%{ for a literal %{.',
  });
}

interface Builder {
  readonly cursor: Cursor;
  readonly flat: readonly FlatPart[];
  index: number;
}

/** Builds parts up to a directive that the caller must handle (else, endif, endfor) or the end. */
function buildParts(builder: Builder): TemplatePart[] {
  const parts: TemplatePart[] = [];
  for (;;) {
    const text: FlatText[] = [];
    let part = builder.flat[builder.index];
    while (part?.type === 'text') {
      text.push(part);
      builder.index += 1;
      part = builder.flat[builder.index];
    }
    const joined = joinText(text);
    if (joined !== undefined) parts.push(joined);
    if (part === undefined) return parts;
    if (part.type === 'interpolation') {
      parts.push({ type: 'interpolation', span: part.span, value: part.value });
      builder.index += 1;
    } else if (part.directive.type === 'if') {
      parts.push(buildIf(builder, part, part.directive.condition));
    } else if (part.directive.type === 'for') {
      parts.push(buildFor(builder, part, part.directive));
    } else {
      return parts;
    }
  }
}

function buildIf(builder: Builder, open: FlatControl, condition: Expression): TemplatePart {
  return builder.cursor.nested(() => {
    builder.index += 1;
    const whenTrue = buildParts(builder);
    let otherwise: TemplatePart[] = [];
    if (directiveAt(builder) === 'else') {
      builder.index += 1;
      otherwise = buildParts(builder);
    }
    const span = takeEnd(builder, open, 'endif');
    return { type: 'if', span, condition, whenTrue, otherwise };
  });
}

function buildFor(builder: Builder, open: FlatControl, directive: Directive & { type: 'for' }): TemplatePart {
  return builder.cursor.nested(() => {
    builder.index += 1;
    const body = buildParts(builder);
    const span = takeEnd(builder, open, 'endfor');
    const { keyName, valueName, collection } = directive;
    return { type: 'for', span, keyName, valueName, collection, body };
  });
}

function directiveAt(builder: Builder): Directive['type'] | undefined {
  const part = builder.flat[builder.index];
  return part?.type === 'control' ? part.directive.type : undefined;
}

function takeEnd(builder: Builder, open: FlatControl, end: 'endif' | 'endfor'): FlatControl['span'] {
  const { cursor } = builder;
  const part = builder.flat[builder.index];
  if (part?.type === 'control' && part.directive.type === end) {
    builder.index += 1;
    return open.span.to(part.span);
  }
  if (part?.type === 'control') {
    cursor.fail(
      `Unexpected ${part.directive.type} directive: expected ${end}.`,
      part.span.start,
      part.span.end,
      {
        related: [{ message: `The ${open.directive.type} directive starts here.`, range: open.span.range }],
      },
    );
  }
  return cursor.fail(
    `The ${open.directive.type} directive is missing its ${end} directive.`,
    open.span.start,
    open.span.end,
  );
}
