import type { BuildUi, UiOptions } from '../build-ui.ts';
import { formatDuration } from '../format.ts';
import { painter } from '../paint.ts';
import { artifactLines, failureText, outcomeLine } from '../summary.ts';
import { EMPTY_RUN, reduce, type RunView } from '../view-model.ts';
import type { LiveScreen } from './live-screen.ts';

/**
 * The user interface for a terminal. Ink is loaded when the first step really runs: a build with nothing to do ends
 * before that and only prints its summary.
 */
export function createInkUi(options: UiOptions & { readonly stderr: NodeJS.WriteStream }): BuildUi {
  let view = EMPTY_RUN;
  let lastEventAt = performance.now();
  let opening: Promise<LiveScreen> | undefined;
  let suspended = false;
  const open = () => {
    opening ??= import('./live-screen.ts').then(({ openLiveScreen }) =>
      openLiveScreen({
        stream: options.stderr,
        color: options.color,
        unicode: options.unicode,
        view: () => view,
        // Moves on between events; a replay at another speed shows the times of the run.
        now: () => view.time + performance.now() - lastEventAt,
      }),
    );
  };
  const close = async () => {
    const screen = await opening;
    opening = undefined;
    await screen?.close();
  };
  return {
    listen(event) {
      view = reduce(view, event);
      lastEventAt = performance.now();
      if (event.type === 'node-started' && !suspended) open();
    },
    async suspend(body) {
      const wasOpen = opening !== undefined;
      suspended = true;
      await close();
      try {
        return await body();
      } finally {
        suspended = false;
        if (wasOpen && view.ended === undefined) open();
      }
    },
    async finish(failures) {
      await close();
      const text = [
        ...ranLines(view, options),
        ...noticeLines(view, options.color),
        await failureText(view, failures, { ...options, width: options.stderr.columns }),
        ...(view.ended === undefined ? [] : [outcomeLine(view, options.color)]),
      ].filter((part) => part !== '');
      if (text.length > 0) options.stderr.write(`${text.join('\n')}\n`);
      for (const line of artifactLines(view.artifacts, options.cwd)) options.stdout.write(`${line}\n`);
    },
  };
}

/** What stays on the screen of the steps: those that ran, in graph order. */
function ranLines(view: RunView, options: UiOptions): string[] {
  const paint = painter(options.color);
  const ran = view.nodes.filter((node) => node.state === 'built' || node.state === 'failed');
  const width = ran.reduce((most, node) => Math.max(most, node.summary.id.length), 0);
  return ran.map((node) => {
    const failed = node.state === 'failed';
    const glyph = options.unicode ? (failed ? '✖' : '✔') : failed ? 'x' : '+';
    const why = failed ? 'failed' : node.unchanged === true ? 'same result as before' : (node.reason ?? '');
    return [
      paint(failed ? 'bad' : 'good', glyph),
      node.summary.id.padEnd(width),
      paint('dim', `${formatDuration(node.durationMs ?? 0).padStart(9)}  ${why}`),
    ]
      .join(' ')
      .trimEnd();
  });
}

function noticeLines(view: RunView, color: boolean): string[] {
  const paint = painter(color);
  return view.notices.map(({ level, message, id }) => {
    const where = id === undefined ? '' : `${id}: `;
    return level === 'warning' ? paint('warn', `warning: ${where}${message}`) : `note: ${where}${message}`;
  });
}
