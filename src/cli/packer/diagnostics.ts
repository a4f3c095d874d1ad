import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Failure } from '../../diagnostics/failure.ts';
import type { SourceRange } from '../../diagnostics/source-range.ts';
import { parseNativeFile } from '../../template/packer-hcl/syntax/parse-file.ts';

const WIDTH = 80;

/** Failures and warnings in the form in which Packer prints those of HCL2, an empty line after each part. */
export interface DiagnosticOptions {
  readonly cwd: string;
  /** What the file `-` holds. */
  readonly stdin?: Uint8Array | undefined;
  /** Hides secrets: before lines are broken or cut, which might leave half of one. */
  readonly hide?: ((text: string) => string) | undefined;
}

export class DiagnosticWriter {
  readonly #options: DiagnosticOptions;
  readonly #files = new Map<string, SourceFile | undefined>();

  constructor(options: DiagnosticOptions) {
    this.#options = options;
  }

  format(severity: 'Error' | 'Warning', failure: Failure): string {
    const hide = this.#options.hide ?? ((text: string) => text);
    const { summary, detail } = wordsOf({
      ...failure,
      message: hide(failure.message),
      ...(failure.hint !== undefined && { hint: hide(failure.hint) }),
    });
    const parts = [`${severity}: ${summary}\n\n`];
    if (failure.origin !== undefined) parts.push(this.#place(failure.origin));
    for (const { message, range } of failure.related ?? []) {
      parts.push(`${wrap(message)}\n\n`, this.#place(range));
    }
    if (detail !== '') parts.push(`${wrap(detail)}\n\n`);
    return parts.join('');
  }

  #place(range: SourceRange): string {
    const file = this.#read(range.file);
    if (file === undefined)
      return `  on ${range.file} line ${range.line}:\n  (source code not available)\n\n`;
    const hide = this.#options.hide ?? ((text: string) => text);
    const context = file.contextOf(range.line);
    const shown = file.lines
      .slice(range.line - 1, Math.min(range.endLine ?? range.line, range.line + 9))
      .map((line, index) => `${String(range.line + index).padStart(4)}: ${hide(line).slice(0, 1000)}\n`);
    return `  on ${range.file} line ${range.line}${context === '' ? '' : `, in ${context}`}:\n${shown.join('')}\n`;
  }

  #read(file: string): SourceFile | undefined {
    if (!this.#files.has(file))
      this.#files.set(
        file,
        file === '-' ? stdinSource(this.#options.stdin) : readSource(file, this.#options.cwd),
      );
    return this.#files.get(file);
  }
}

interface SourceFile {
  readonly lines: readonly string[];
  /** Header of the outermost block around a line; empty when there is none. */
  contextOf(line: number): string;
}

function readSource(file: string, cwd: string): SourceFile | undefined {
  let text: string;
  try {
    text = readFileSync(path.resolve(cwd, file), 'utf8');
  } catch {
    return undefined;
  }
  return sourceOf(file, text, file.endsWith('.hcl'));
}

const stdinSource = (bytes: Uint8Array | undefined): SourceFile | undefined =>
  bytes === undefined ? undefined : sourceOf('-', Buffer.from(bytes).toString('utf8'), true);

function sourceOf(file: string, text: string, native: boolean): SourceFile {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  let headers: readonly { readonly from: number; readonly to: number; readonly header: string }[] | undefined;
  const readHeaders = (): NonNullable<typeof headers> => {
    if (!native) return [];
    const items = parseNativeFile(file, text).file?.body.items ?? [];
    return items.flatMap((item) => {
      if (item.type !== 'block') return [];
      const { line, endLine } = item.span.range;
      const labels = item.labels.map(({ value }) => ` ${JSON.stringify(value)}`).join('');
      return [{ from: line, to: endLine ?? line, header: `${item.name}${labels}` }];
    });
  };
  return {
    lines,
    contextOf: (line) => {
      headers ??= readHeaders();
      return headers.find(({ from, to }) => line >= from && line <= to)?.header ?? '';
    },
  };
}

/** First lines whose colon does not end a summary. */
const WHOLE_LINE = /^(?:Error parsing JSON|Failed to prepare build): /;

/** `Summary: detail` of a message in the parts that Packer prints apart; what to do comes after the detail. */
function wordsOf({ message, hint }: Failure): { readonly summary: string; readonly detail: string } {
  const [first = '', ...more] = message.split('\n');
  const colon = first.indexOf(': ');
  const whole = colon === -1 || WHOLE_LINE.test(first);
  const summary = whole ? first : first.slice(0, colon);
  const rest = [...(whole ? [] : [first.slice(colon + 2)]), ...more].join('\n').replace(/^\n+/, '');
  // A message that goes on over several lines without a summary of its own is one text.
  const oneText = whole && more.length > 0 && more[0] === '';
  const parts = [oneText ? '' : upperFirst(rest), hint ?? ''].filter((part) => part !== '');
  const detail = parts.join(rest.includes('\n') ? '\n\n' : ' ');
  return oneText ? { summary: message, detail } : { summary, detail };
}

/** A clause becomes a sentence; a path or a name in code keeps its letters. */
const upperFirst = (text: string): string =>
  /^[a-z]+[ ']/.test(text) && !KEPT.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;

/** Beginnings that Packer writes small. */
const KEPT = /^(?:unknown configuration key|failed to open|file |missing |a build block must)/;

/** Breaks lines at blanks so that none is longer than 80 characters where that can be. */
export function wrap(text: string): string {
  return text.split('\n').map(wrapLine).join('\n');
}

function wrapLine(line: string): string {
  let done = '';
  let current = '';
  for (const [, blanks = '', word = ''] of line.matchAll(/(\s*)(\S+)/g)) {
    const joined = current + blanks + word;
    if (current !== '' && joined.length > WIDTH && word.length < WIDTH) {
      done += `${current}\n`;
      current = word;
    } else current = joined;
  }
  return done + current;
}
