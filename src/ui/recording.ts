import type { BuildEvent } from '../events/build-event.ts';

/**
 * The events of a recorded run: one JSON object a line, as `--ui=json` prints and every run keeps on disk. Lines that
 * are not events (a run that was killed while it wrote) are left out.
 */
export function parseRecording(text: string): BuildEvent[] {
  return text.split('\n').flatMap((line) => {
    const value = parseJson(line);
    return isEvent(value) ? [value] : [];
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const EVENT_TYPES: Record<BuildEvent['type'], true> = {
  'run-started': true,
  'node-started': true,
  'node-ended': true,
  'node-log': true,
  'node-progress': true,
  'node-status': true,
  'node-retry': true,
  notice: true,
  artifact: true,
  question: true,
  'run-ended': true,
};

function isEvent(value: unknown): value is BuildEvent {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    typeof value.type === 'string' &&
    value.type in EVENT_TYPES &&
    'time' in value &&
    typeof value.time === 'number'
  );
}
