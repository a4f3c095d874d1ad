import { createInterface } from 'node:readline/promises';
import type { Question } from '../../../events/event-sink.ts';
import { askForText } from '../../ask-text.ts';
import type { CliContext } from '../../context.ts';
import type { PackerUi } from '../packer-ui.ts';

/** What to do with a failed step, by the letters that Packer takes. */
const LETTERS: Readonly<Record<string, string>> = { c: 'cleanup', a: 'abort', r: 'retry' };
const FAILED =
  '[c] Clean up and exit, [a] abort without cleanup, or [r] retry step (build may fail even if retry succeeds)?';

/** Asks on the terminal as Packer does. A question that has one answer waits for the enter key. */
export async function askInWords(asked: Question, ui: PackerUi, context: CliContext): Promise<string> {
  const { question, choices, defaultChoice } = asked;
  if (choices.length === 0) return await askForText(context, asked);
  const { stdin, signal } = context;
  const isFailure = choices.includes('retry');
  const terminal = createInterface({ input: stdin });
  try {
    for (;;) {
      ui.say(isFailure ? `Step "StepProvision" failed\n${FAILED}` : question);
      const line = await terminal.question('', { signal });
      if (!isFailure) return defaultChoice;
      const answer = LETTERS[`${line.trim().toLowerCase()}c`.charAt(0)];
      if (answer !== undefined) return answer;
      ui.say(`Incorrect input: ${JSON.stringify(line)}`);
    }
  } catch {
    // Closed, or the run was stopped while it waited.
    return defaultChoice;
  } finally {
    terminal.close();
  }
}
