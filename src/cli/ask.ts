import type { Question } from '../events/event-sink.ts';
import { askForText } from './ask-text.ts';
import type { CliContext } from './context.ts';

/** Asks on the terminal until the answer is one of the choices or the start of one; an empty line is the default. */
export async function askOn(context: CliContext, question: Question): Promise<string> {
  if (question.choices.length === 0) return await askForText(context, question);
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: context.stdin, output: process.stderr });
  // The terminal is in raw mode here: Ctrl-C is a key, and means the default, then the end of the run.
  terminal.on('SIGINT', () => {
    terminal.close();
    process.kill(process.pid, 'SIGINT');
  });
  const choices = question.choices.map((choice) =>
    choice === question.defaultChoice ? `[${choice}]` : choice,
  );
  try {
    for (;;) {
      const line = await terminal.question(`${question.question} (${choices.join('/')}) `, {
        signal: context.signal,
      });
      const answer = line.trim().toLowerCase();
      if (answer === '') return question.defaultChoice;
      const match = question.choices.find((choice) => choice.startsWith(answer));
      if (match !== undefined) return match;
    }
  } catch {
    // Closed or aborted while it waited.
    return question.defaultChoice;
  } finally {
    terminal.close();
  }
}
