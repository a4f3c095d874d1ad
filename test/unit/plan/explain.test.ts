import { expect, test } from 'vitest';
import type { LatestRecord } from '../../../src/cache/action-record.ts';
import type { KeyInputs } from '../../../src/cache/key-inputs.ts';
import { explainChanges } from '../../../src/plan/explain.ts';

const INPUTS: KeyInputs = {
  kind: 'step:file',
  keyVersion: 1,
  options: { path: '/etc/motd', content: 'one' },
  inputs: { source: 'aa' },
  secrets: { token: 'h1' },
  platform: { architecture: 'amd64', builder: 'rootfs' },
  sourceDateEpoch: 5,
  below: 'v1',
};

const last = (inputs: Partial<KeyInputs> = {}, below?: Record<string, string>): LatestRecord => ({
  node: 'p/s',
  key: 'k',
  inputs: { ...INPUTS, ...inputs },
  output: { type: 'passed' },
  below,
  durationMs: 1,
  ranAt: '',
});

const phrases = (record: LatestRecord, below?: Record<string, string>): string[] =>
  explainChanges(INPUTS, record, below).map((change) => change.what);

test('nothing changed', () => {
  expect(phrases(last())).toEqual([]);
});

test.each<[string, Partial<KeyInputs>, string]>([
  ['option', { options: { path: '/etc/motd', content: 'two' } }, 'option `content` changed'],
  ['added option', { options: { path: '/etc/motd' } }, 'option `content` added'],
  ['removed option', { options: { ...INPUTS.options, mode: '0600' } }, 'option `mode` removed'],
  ['input', { inputs: { source: 'bb' } }, 'content of `source` changed'],
  ['secret', { secrets: { token: 'h2' } }, 'secret `token` changed'],
  ['platform', { platform: { architecture: 'arm64', builder: 'rootfs' } }, 'platform changed'],
  ['epoch', { sourceDateEpoch: 6 }, '`sourceDateEpoch` changed'],
  ['version', { keyVersion: 0 }, 'imgpipe makes this kind of step differently now'],
])('%s', (_, inputs, phrase) => {
  expect(phrases(last(inputs))).toEqual([phrase]);
});

test('of a node that waits for others, what it will be made from is not said to have changed', () => {
  const then = last({ from: 'layers:x', reads: { commit: 'abc' } });
  expect(phrases(then)).toEqual([]);
  const changed = explainChanges({ ...INPUTS, from: 'layers:y', reads: {} }, then, undefined);
  expect(changed.map(({ what }) => what)).toEqual(['commit changed', 'the image changed']);
});

test('names the step below that changed', () => {
  const record = last({ below: 'v0' }, { 'p/base': 'a', 'p/packages': 'b', 'p/gone': 'x' });
  const now = { 'p/base': 'a', 'p/packages': 'c', 'p/new': 'd' };
  expect(phrases(record, now)).toEqual(['below: packages changed, gone was removed, new was added']);
});

const explained = (before: unknown, after: unknown) =>
  explainChanges(
    { ...INPUTS, options: { value: after } },
    { ...last(), inputs: { ...INPUTS, options: { value: before } } },
    undefined,
  );

test('of a list, what came and what went', () => {
  expect(explained(['nginx', 'curl'], ['nginx', 'vim', 'wget'])).toEqual([
    { what: 'option `value` changed', before: 'curl', after: 'vim, wget' },
  ]);
  expect(explained(['a', 'b'], ['b', 'a'])).toMatchObject([{ what: 'order of option `value` changed' }]);
  expect(explained(['a'], ['a', 'a'])).toEqual([{ what: 'option `value` changed', after: 'a' }]);
});

test('of a text, the lines with what they were and are', () => {
  expect(explained('set -e\nmake\nmake install', 'set -e\nmake -j2\nmake install\necho done')).toEqual([
    { what: 'option `value` changed, line 2', before: 'make', after: 'make -j2' },
    { what: 'option `value` changed, line 4', before: undefined, after: 'echo done' },
  ]);
});

test('of options in options, the one', () => {
  expect(explained({ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } })).toEqual([
    { what: 'option `value.a.c` changed', before: '2', after: '3' },
  ]);
});

test('names the archive that moved, with its suites', () => {
  const state = (content: string) => [
    { suite: 'bookworm', content },
    { suite: 'bookworm-updates', content: 'same' },
  ];
  const record = last({ archives: { debian: state('old') } });
  const now = { ...INPUTS, archives: { debian: state('new') } };
  expect(explainChanges(now, record, undefined)).toEqual([{ what: 'archive debian moved (bookworm)' }]);
});
