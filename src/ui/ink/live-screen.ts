import { Box, render, Text } from 'ink';
import { createElement, type ReactElement } from 'react';
import { painter } from '../paint.ts';
import type { RunView } from '../view-model.ts';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from './node-line.ts';
import { screenLines } from './screen.ts';

export interface LiveScreenOptions {
  readonly stream: NodeJS.WriteStream;
  readonly color: boolean;
  readonly unicode: boolean;
  /** The view as it is now. */
  readonly view: () => RunView;
  /** Milliseconds since the run began, now. */
  readonly now: () => number;
}

export interface LiveScreen {
  /** Takes the live rows off the screen and gives the terminal back. */
  close(): Promise<void>;
}

/** Frames a second at most: enough for a spinner, cheap beside a build that needs the processors. */
const FRAMES = 10;

/** Ink ends with the last frame and a line break, also when that frame is empty: cursor up, erase the line. */
const BACK_OVER_LAST_LINE = '\u001B[1A\u001B[2K\r';

const ERASE_LINE_UP = '\u001B[2K\u001B[1A';

/** Draws the run in place until it is closed. This file and what it imports is loaded for a terminal only. */
export function openLiveScreen(options: LiveScreenOptions): LiveScreen {
  const { stream } = options;
  const glyphs = options.unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
  const paint = painter(options.color);
  let drawn: { readonly columns: number; readonly lengths: readonly number[] } = { columns: 0, lengths: [] };
  const frame = (): ReactElement => {
    const size = { columns: stream.columns || 80, rows: stream.rows || 24 };
    const lines = screenLines(options.view(), { ...size, now: options.now(), glyphs });
    drawn = {
      columns: size.columns,
      lengths: lines.map((line) => line.spans.reduce((length, span) => length + span.text.length, 0)),
    };
    return createElement(
      Box,
      // No width: on a resize Ink lays out the old frame once more, and cuts it at the new width.
      { flexDirection: 'column' },
      lines.map((line) =>
        createElement(
          Text,
          { key: line.key, wrap: 'truncate-end' },
          // Coloured here and not by Ink, which looks at standard output to decide.
          line.spans.map((span) => paint(span.tone, span.text)).join(''),
        ),
      ),
    );
  };
  // Before Ink's own listener, which erases as many lines as it wrote: a terminal that became narrower has wrapped
  // the longer ones, so that there are more of them now.
  const eraseWrapped = () => {
    const columns = stream.columns || 80;
    if (columns >= drawn.columns) return;
    const extra = drawn.lengths.reduce(
      (sum, length) => sum + Math.max(0, Math.ceil(Math.min(length, drawn.columns) / columns) - 1),
      0,
    );
    stream.write(ERASE_LINE_UP.repeat(extra));
  };
  stream.on('resize', eraseWrapped);
  const app = render(frame(), {
    stdout: stream,
    stderr: stream,
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    maxFps: FRAMES,
  });
  const draw = () => app.rerender(frame());
  const timer = setInterval(draw, 1000 / FRAMES);
  stream.on('resize', draw);
  return {
    async close() {
      clearInterval(timer);
      stream.off('resize', eraseWrapped);
      stream.off('resize', draw);
      app.clear();
      app.rerender(createElement(Text, null, ''));
      app.unmount();
      await app.waitUntilExit();
      stream.write(BACK_OVER_LAST_LINE);
    },
  };
}
