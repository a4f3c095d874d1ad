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

test('names the step below that changed', () => {
  const record = last({ below: 'v0' }, { 'p/base': 'a', 'p/packages': 'b', 'p/gone': 'x' });
  const now = { 'p/base': 'a', 'p/packages': 'c', 'p/new': 'd' };
  expect(phrases(record, now)).toEqual(['below: packages changed, gone was removed, new was added']);
});
