import type { Failure, Result } from '../../../diagnostics/failure.ts';
import type { Expression, File, Template, TemplateWrap } from './ast.ts';
import { Cursor, SyntaxProblem } from './cursor.ts';
import { failInvalid } from './expected.ts';
import { parseBody } from './parse-body.ts';
import { parseExpression } from './parse-expression.ts';
import { parsePlainTemplate } from './parse-template.ts';
import { SourceText, decodeSource } from './source-text.ts';

/** What could be read of a file, and all problems found in it. */
export interface ParsedFile {
  readonly source: SourceText;
  /** Holds every item without a problem; absent when the text could not be read at all. */
  readonly file: File | undefined;
  readonly failures: readonly Failure[];
}

/**
 * Reads a file of HCL native syntax. Never throws: several problems of one file come together, each
 * `template-syntax` with its place. HCL native syntax specification, "Structural elements".
 */
export function parseNativeFile(name: string, content: Uint8Array | string): ParsedFile {
  const decoded: Result<SourceText> =
    typeof content === 'string'
      ? { ok: true, value: new SourceText(name, content) }
      : decodeSource(name, content);
  if (!decoded.ok) return { source: new SourceText(name, ''), file: undefined, failures: decoded.failures };
  const source = decoded.value;
  const cursor = new Cursor(source);
  const body = guarded(cursor, () => parseBody(cursor, 'end'));
  return { source, file: body && { file: name, body }, failures: cursor.failures };
}

/** Reads a text that is one expression, such as a line of the console or the value of a `-var`. */
export function parseExpressionText(source: SourceText): Result<Expression> {
  const cursor = new Cursor(source);
  const expression = guarded(cursor, () =>
    cursor.withNewlines(false, () => {
      const parsed = parseExpression(cursor);
      const token = cursor.peek();
      failInvalid(cursor, token);
      if (token.kind !== 'end') {
        cursor.fail(
          'Extra characters after expression: an expression was read, but more text follows it.',
          token.start,
          token.end,
        );
      }
      return parsed;
    }),
  );
  return finished(cursor, expression);
}

/** Reads a text that is a template as a whole, without quotes: a template file, a string of the JSON form. */
export function parseTemplateText(source: SourceText): Result<Template | TemplateWrap> {
  const cursor = new Cursor(source);
  return finished(
    cursor,
    guarded(cursor, () => parsePlainTemplate(cursor)),
  );
}

function finished<T>(cursor: Cursor, value: T | undefined): Result<T> {
  if (value === undefined || cursor.failures.length > 0) return { ok: false, failures: cursor.failures };
  return { ok: true, value };
}

function guarded<T>(cursor: Cursor, body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    cursor.failures.push(...error.failures);
    return undefined;
  }
}
