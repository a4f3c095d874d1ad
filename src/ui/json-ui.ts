import type { BuildUi, UiOptions } from './build-ui.ts';

/** The user interface for programs: every event as one line of JSON on standard output, nothing else. */
export function createJsonUi(options: Pick<UiOptions, 'stdout'>): BuildUi {
  let ended = false;
  return {
    listen(event) {
      if (event.type === 'run-ended') ended = true;
      options.stdout.write(`${JSON.stringify(event, jsonSafe)}\n`);
    },
    suspend: (body) => body(),
    finish(failures) {
      // What failed before the run began has no event of its own; a reader must not take silence for success.
      if (!ended && failures.length > 0) {
        options.stdout.write(`${JSON.stringify({ type: 'failures', time: 0, failures }, jsonSafe)}\n`);
      }
      return Promise.resolve();
    },
  };
}

/** An `Error` as a cause would be `{}` in JSON. */
function jsonSafe(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
