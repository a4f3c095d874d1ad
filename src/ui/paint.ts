import { styleText } from 'node:util';

export type Tone = 'plain' | 'dim' | 'bold' | 'good' | 'bad' | 'warn' | 'info';

const STYLES: Record<Exclude<Tone, 'plain'>, Parameters<typeof styleText>[0]> = {
  dim: 'dim',
  bold: 'bold',
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  info: 'cyan',
};

export type Paint = (tone: Tone, text: string) => string;

/** A function that colours text, or leaves it alone when there is no colour. */
export function painter(color: boolean): Paint {
  return (tone, text) =>
    !color || tone === 'plain' || text === ''
      ? text
      : styleText(STYLES[tone], text, { validateStream: false });
}
