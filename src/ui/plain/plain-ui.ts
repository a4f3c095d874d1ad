import type { BuildEvent } from '../../events/build-event.ts';
import type { BuildUi, UiOptions } from '../build-ui.ts';
import { artifactLines, failureText, outcomeLine } from '../summary.ts';
import { EMPTY_RUN, reduce, type RunView } from '../view-model.ts';
import { PlainLines } from './plain-lines.ts';

/** The user interface for logs and CI: lines only, to standard error; artifact lines to standard output. */
export function createPlainUi(options: UiOptions): BuildUi {
  const lines = new PlainLines(options);
  let view = EMPTY_RUN;
  return {
    listen(event) {
      view = reduce(view, event);
      const stamp = options.timestamps ? `${timeOfDay(view, event)} ` : '';
      for (const line of lines.next(event, view)) options.stderr.write(`${stamp}${line}\n`);
    },
    suspend: (body) => body(),
    async finish(failures) {
      const text = await failureText(view, failures, options);
      if (text !== '') options.stderr.write(`\n${text}\n`);
      if (view.ended !== undefined) options.stderr.write(`${outcomeLine(view, options.color)}\n`);
      for (const line of artifactLines(view.artifacts, options.cwd)) options.stdout.write(`${line}\n`);
    },
  };
}

/** ISO 8601 in UTC, from the run's start and the event's monotonic time, so that a replay shows the same. */
function timeOfDay(view: RunView, event: BuildEvent): string {
  const start = view.startedAt === undefined ? 0 : Date.parse(view.startedAt);
  return new Date(start + event.time).toISOString();
}
