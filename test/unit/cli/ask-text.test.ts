import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { askOn } from '../../../src/cli/ask.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { EventSink } from '../../../src/events/event-sink.ts';
import { Redactor } from '../../../src/util/redact.ts';

/** A sink whose questions are answered by what comes in, and the answers that listeners see. */
function asked(stdin: PassThrough, signal = new AbortController().signal) {
  const context = { stdin, signal } as unknown as CliContext;
  const sink = new EventSink(new Redactor());
  const seen: unknown[] = [];
  sink.listen((event) => seen.push(event));
  sink.answerWith((question) => askOn(context, question));
  return { sink, seen };
}

const CODE = { question: 'Code:', choices: [], defaultChoice: '' };

test('a question without choices takes any text', async () => {
  const stdin = new PassThrough();
  const { sink, seen } = asked(stdin);
  const answer = sink.ask(CODE);
  stdin.write('Two Words\n');
  expect(await answer).toBe('Two Words');
  expect(seen).toMatchObject([{ type: 'question', answer: 'Two Words' }]);
});

test('a secret answer reaches whoever asked, and no listener', async () => {
  const stdin = new PassThrough();
  const { sink, seen } = asked(stdin);
  const answer = sink.ask({ ...CODE, secret: true });
  stdin.write('123456\n');
  expect(await answer).toBe('123456');
  expect(JSON.stringify(seen)).not.toContain('123456');
});

test('the end of the run is the end of the question', async () => {
  const stop = new AbortController();
  const { sink } = asked(new PassThrough(), stop.signal);
  const answer = sink.ask({ ...CODE, defaultChoice: 'none' });
  stop.abort();
  expect(await answer).toBe('none');
});
