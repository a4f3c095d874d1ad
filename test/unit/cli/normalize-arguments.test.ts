import { expect, it } from 'vitest';
import { normalizeArguments } from '../../../src/cli/normalize-arguments.ts';

it.each([
  [
    ['build', '-var', 'a=1'],
    ['build', '--var', 'a=1'],
  ],
  [
    ['build', '-parallel-builds=2'],
    ['build', '--parallel-builds=2'],
  ],
  [
    ['build', '--force', '-C', 'x'],
    ['build', '--force', '-C', 'x'],
  ],
  [
    ['-C', 'x', 'build', 'web'],
    ['build', 'web', '-C', 'x'],
  ],
  [
    ['--config=c.ts', '-color=false', 'plan'],
    ['plan', '--config=c.ts', '--color=false'],
  ],
  [
    ['shell', 's', '--', 'ls', '-la'],
    ['shell', 's', '--', 'ls', '-la'],
  ],
  [['-h'], ['-h']],
  [['-version'], ['--version']],
  [
    ['build', '-5'],
    ['build', '-5'],
  ],
  [
    ['build', '-'],
    ['build', '-'],
  ],
  [[], []],
])('%j', (typed, normal) => {
  expect(normalizeArguments(typed)).toEqual(normal);
});
