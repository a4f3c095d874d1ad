import type { Failure } from '../../../diagnostics/failure.ts';
import type { SourceText, Span } from '../syntax/source-text.ts';

const SUMMARY = 'Interpolation error';

/** As Go words what cannot be read: with the line. */
export const syntaxProblem = (source: SourceText, at: number, message: string): string =>
  `${SUMMARY}\ntemplate: root:${source.text.slice(0, at).split('\n').length}: ${message}`;

/** As Go words what cannot be carried out: line, byte in the line, and the part at fault. */
export function runProblem(span: Span, message: string, shown = span): string {
  const lines = span.source.text.slice(0, span.start).split('\n');
  const column = Buffer.byteLength(lines.at(-1) ?? '');
  return `${SUMMARY}\ntemplate: root:${lines.length}:${column}: executing "root" at <${even(shown.text)}>: ${message}`;
}

/** A part as Go prints it: one blank between words. */
const even = (text: string): string =>
  text.replaceAll(/("(?:[^"\\]|\\.)*"|`[^`]*`)|\s+/g, (_, quoted?: string) => quoted ?? ' ').trim();

/** The text of Go in a failure of a template, for messages with a summary of their own. */
export const goTextOf = ({ message }: Failure): string => message.replace(`${SUMMARY}\n`, '');
