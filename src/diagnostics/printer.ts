import { readFileSync } from 'node:fs';
import path from 'node:path';
import { styleText } from 'node:util';
import { excerpt } from './excerpt.ts';
import type { Failure } from './failure.ts';
import type { SourceRange } from './source-range.ts';

export interface PrinterOptions {
  /** Colour codes in the text; off by default. */
  readonly color?: boolean;
  /** Folder against which paths are shortened. Default: the current one. */
  readonly cwd?: string;
  /** Text of a file for excerpts, undefined when it cannot be read. Default: from disk. */
  readonly readFile?: (file: string) => string | undefined;
  /** Columns of the terminal, for long lines. Default 100. */
  readonly width?: number;
}

type Style = Parameters<typeof styleText>[0];

/** All failures as text for a terminal, one empty line between two; ends with a line break unless empty. */
export function formatFailures(failures: readonly Failure[], options: PrinterOptions = {}): string {
  const printer = new FailurePrinter(options);
  // One cause may fail several nodes, such as a secret that is not set: it is said once.
  const texts = new Set(failures.map((failure) => `${printer.format(failure)}\n`));
  return [...texts].join('\n');
}

/** `file:line:column` with the file relative to `cwd` where that is shorter. */
function formatPlace(range: SourceRange, cwd: string): string {
  return `${shortPath(range.file, cwd)}:${range.line}:${range.column}`;
}

function shortPath(file: string, cwd: string): string {
  if (!path.isAbsolute(file)) return file;
  const relative = path.relative(cwd, file);
  return relative !== '' && relative.length < file.length ? relative : file;
}

class FailurePrinter {
  readonly #color: boolean;
  readonly #cwd: string;
  readonly #readFile: (file: string) => string | undefined;
  readonly #width: number;

  constructor(options: PrinterOptions) {
    this.#color = options.color ?? false;
    this.#cwd = options.cwd ?? process.cwd();
    const read = options.readFile ?? ((file: string) => readText(path.resolve(this.#cwd, file)));
    const cache = new Map<string, string | undefined>();
    this.#readFile = (file) => {
      if (!cache.has(file)) cache.set(file, read(file));
      return cache.get(file);
    };
    this.#width = options.width ?? 100;
  }

  format(failure: Failure): string {
    const lines = [
      `${this.#paint(['red', 'bold'], 'error:')} ${this.#paint('bold', indented(failure.message))}`,
    ];
    if (failure.origin !== undefined) lines.push(...this.#place(failure.origin));
    if (failure.stepId !== undefined) lines.push(`  ${this.#paint('dim', 'step:')} ${failure.stepId}`);
    for (const line of failure.excerpt ?? []) lines.push(`  ${this.#paint('dim', '|')} ${line}`);
    for (const related of failure.related ?? []) {
      lines.push(
        `  ${this.#paint('cyan', 'note:')} ${indented(related.message)}`,
        ...this.#place(related.range),
      );
    }
    if (failure.hint !== undefined)
      lines.push(`  ${this.#paint('green', 'help:')} ${indented(failure.hint)}`);
    return lines.join('\n');
  }

  #place(range: SourceRange): string[] {
    const lines = [`  ${this.#paint('cyan', formatPlace(range, this.#cwd))}`];
    const text = this.#readFile(range.file);
    const gutterWidth = String(range.line).length + 2;
    const shown = text === undefined ? undefined : excerpt(text, range, this.#width - gutterWidth - 3);
    if (shown === undefined) return lines;
    const gutter = (content: string): string => this.#paint('dim', `${content.padStart(gutterWidth)} |`);
    lines.push(`${gutter(String(range.line))} ${shown.text}`.trimEnd());
    lines.push(`${gutter('')} ${this.#paint('red', shown.mark)}`);
    return lines;
  }

  #paint(style: Style, text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** Further lines of a message stand under its first one. */
const indented = (text: string): string => text.replaceAll('\n', '\n    ');

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
