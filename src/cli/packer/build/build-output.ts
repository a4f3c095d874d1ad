import type { PackerUi } from '../packer-ui.ts';
import { rfc3339 } from './go-text.ts';

/** Colours of builds, in turn. */
const COLORS = [32, 36, 35, 33, 34];
const RED = 31;

export interface OutputOptions {
  readonly color: boolean;
  readonly timestamps: boolean;
}

/** What one build says, in its colour. */
export class BuildOutput {
  readonly #ui: PackerUi;
  readonly #options: OutputOptions;
  readonly #color: number;

  constructor(ui: PackerUi, index: number, options: OutputOptions) {
    this.#ui = ui;
    this.#options = options;
    this.#color = COLORS[index % COLORS.length] ?? RED;
  }

  say(text: string): void {
    this.#ui.say(this.#dress(text, this.#color));
  }

  error(text: string): void {
    this.#ui.error(this.#dress(text, RED));
  }

  /** Puts `==> target: ` before every line. */
  sayAs(target: string, text: string): void {
    this.say(prefixed(target, text));
  }

  errorAs(target: string, text: string): void {
    this.error(prefixed(target, text));
  }

  #dress(text: string, color: number): string {
    const { color: colored, timestamps } = this.#options;
    const timed = timestamps ? `${rfc3339(new Date())}: ${text}` : text;
    return colored ? `\u001B[1;${color}m${timed}\u001B[0m` : timed;
  }
}

const prefixed = (target: string, text: string): string =>
  text
    .split('\n')
    .map((line) => `==> ${target}: ${line}`)
    .join('\n')
    .trimEnd();
