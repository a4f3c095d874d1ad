import { type Result } from '../../../diagnostics/failure.ts';
import { parseNativeFile } from '../syntax/parse-file.ts';
import { type FormatToken, formatTokens } from './format-tokens.ts';
import { joinTokens, spaceBetween } from './spacing.ts';

/**
 * A line on its way to its canonical form: three cells, of which the last two are aligned with those around.
 * A heredoc is part of the line that opens it.
 */
interface Line {
  readonly tokens: readonly FormatToken[];
  readonly end: string;
  indent: number;
  lead: string;
  assign: string;
  comment: string;
}

/**
 * The text in the layout of `packer fmt`: two blanks a level, single blanks between tokens, the equals signs and
 * trailing comments of neighbouring lines in one column. Formatting twice changes nothing more.
 * Fails with the problems of a text that is not valid HCL2.
 */
export function formatHcl(file: string, text: string): Result<string> {
  const parsed = parseNativeFile(file, text);
  if (parsed.failures.length > 0) return { ok: false, failures: parsed.failures };
  return { ok: true, value: layOutHcl(text) };
}

/** As `formatHcl`, for a text that need not be valid. */
export function layOutHcl(text: string): string {
  const lines = splitLines(formatTokens(text));
  indent(lines);
  for (const line of lines) fillCells(line);
  align(lines, 'assign');
  align(lines, 'comment');
  return lines.map((line) => line.lead + line.assign + line.comment + line.end).join('');
}

function splitLines(tokens: readonly FormatToken[]): Line[] {
  const lines: Line[] = [];
  let current: FormatToken[] = [];
  const finish = (end: string): void => {
    lines.push({ tokens: current, end, indent: 0, lead: '', assign: '', comment: '' });
    current = [];
  };
  for (const token of tokens) {
    if (token.kind === 'newline') finish(token.text);
    else current.push(token);
  }
  if (current.length > 0) finish('');
  return lines;
}

function bracketChange(tokens: readonly FormatToken[]): number {
  let change = 0;
  for (const { kind } of tokens) {
    if (kind === '{' || kind === '[' || kind === '(') change += 1;
    if (kind === '}' || kind === ']' || kind === ')') change -= 1;
  }
  return change;
}

/** A line that opens brackets makes one level, however many; it ends with the last of them. */
function indent(lines: readonly Line[]): void {
  const levels: number[] = [];
  for (const line of lines) {
    if (line.tokens.length === 0) continue;
    const change = bracketChange(line.tokens);
    if (change < 0) close(levels, -change);
    line.indent = levels.length * 2;
    if (change > 0) levels.push(change);
  }
}

function close(levels: number[], count: number): void {
  let left = count;
  while (left > 0 && levels.length > 0) {
    const open = levels.pop()!;
    if (open > left) levels.push(open - left);
    left -= open;
  }
}

function fillCells(line: Line): void {
  const { tokens } = line;
  const last = tokens.at(-1);
  const hasComment = tokens.length > 1 && last?.kind === 'comment';
  const code = hasComment ? tokens.slice(0, -1) : tokens;
  const equals = code.findIndex((token, index) => index > 0 && token.kind === '=');
  const aligned = equals > 0 && bracketChange(code.slice(equals)) === 0;
  const lead = aligned ? code.slice(0, equals) : code;
  line.lead = tokens.length === 0 ? '' : ' '.repeat(line.indent) + joinTokens(lead);
  if (aligned) line.assign = joinTail(code, equals);
  if (hasComment) line.comment = last.text;
}

/** The tokens from the equals sign on, spaced as if what stands before them were there. */
function joinTail(tokens: readonly FormatToken[], start: number): string {
  let text = '';
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    const left = tokens[at - 1];
    if (at > start && left !== undefined && spaceBetween(tokens[at - 2], left, token)) text += ' ';
    text += token.text;
  }
  return text;
}

/** Puts a cell of each run of neighbouring lines that have it in one column. */
function align(lines: readonly Line[], cell: 'assign' | 'comment'): void {
  let run: Line[] = [];
  const finish = (): void => {
    const widths = run.map((line) => widthBefore(line, cell));
    const column = Math.max(0, ...widths) + 1;
    for (const [index, line] of run.entries())
      line[cell] = ' '.repeat(column - (widths[index] ?? 0)) + line[cell];
    run = [];
  };
  for (const line of lines) {
    if (line[cell] === '') finish();
    else run.push(line);
  }
  finish();
}

function widthBefore(line: Line, cell: 'assign' | 'comment'): number {
  // As there, a comment of several lines before a name counts with all its signs.
  if (cell === 'assign') return signsOf(line.lead);
  const text = line.lead + line.assign;
  return signsOf(text.slice(text.lastIndexOf('\n') + 1));
}

let segmenter: Intl.Segmenter | undefined;

/** How many signs a reader sees: letters with their accents, families of pictures. */
function signsOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  segmenter ??= new Intl.Segmenter();
  return [...segmenter.segment(text)].length;
}
