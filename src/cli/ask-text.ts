import { Writable } from 'node:stream';
import type { Question } from '../events/event-sink.ts';
import type { CliContext } from './context.ts';

/** Asks on the terminal for a text; one that is secret is not shown while it is typed. Ctrl-C gives the default. */
export async function askForText(context: CliContext, question: Question): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const isSecret = question.secret === true;
  const terminal = createInterface({
    input: context.stdin,
    output: isSecret ? nothing : process.stderr,
    terminal: context.stdin.isTTY,
  });
  terminal.on('SIGINT', () => {
    terminal.close();
    process.kill(process.pid, 'SIGINT');
  });
  const text = `${question.question.trimEnd()} `;
  if (isSecret) process.stderr.write(text);
  try {
    return await terminal.question(isSecret ? '' : text, { signal: context.signal });
  } catch {
    // Closed or aborted while it waited.
    return question.defaultChoice;
  } finally {
    terminal.close();
    if (isSecret) process.stderr.write('\n');
  }
}
