import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BuildEvent } from '../../../src/events/build-event.ts';
import { EventSink } from '../../../src/events/event-sink.ts';
import { NodeScope } from '../../../src/executor/node-scope.ts';
import type { GraphNode } from '../../../src/model/graph.ts';
import { asNodeId } from '../../../src/model/ids.ts';
import { Redactor } from '../../../src/util/redact.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

/** Output of a step in these chunks, as the log file, the events and the last lines show it. */
async function logged(secret: string, chunks: readonly string[]): Promise<string[]> {
  const folder = temporaryFolder();
  const redactor = new Redactor();
  redactor.add(secret);
  const sink = new EventSink(redactor);
  const events: BuildEvent[] = [];
  sink.listen((event) => events.push(event));
  let tail: readonly string[];
  let file: string;
  {
    await using scope = new NodeScope({
      node: { id: asNodeId('p/s') } as GraphNode,
      sink,
      logFolder: join(folder, 'logs'),
      scratch: join(folder, 'scratch'),
      signal: new AbortController().signal,
    });
    for (const text of chunks) scope.output({ stream: 'stdout', text });
    ({ tail, logFile: file } = scope);
  }
  return [readFileSync(file, 'utf8'), JSON.stringify(events), tail.join('\n')];
}

test.each<[string, string, (secret: string) => readonly string[]]>([
  ['split over chunks', 'one-secret-value', (secret) => ['be', 'fore ', ...secret, ' after', '\n']],
  ['without a line end', 'one-secret-value', (secret) => [secret.slice(0, 5), secret.slice(5)]],
  ['of several lines', 'first-secret-line\nsecond-secret-line', (secret) => [...`${secret}\n`]],
  [
    'with colours in it',
    'one-secret-value',
    (secret) => [`${secret.slice(0, 4)}\u001b[31m${secret.slice(4)}\n`],
  ],
  ['overwritten by a carriage return', 'one-secret-value', (secret) => [`${secret}\rdone\n`]],
])('a secret %s is not in log, events and excerpt', async (_, secret, chunks) => {
  for (const text of await logged(secret, chunks(secret))) {
    for (const line of secret.split('\n')) expect(text).not.toContain(line);
  }
});
