import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shellKind } from '../../../src/provisioners/shell.ts';
import { interpreterOf } from '../../../src/provisioners/shell/run.ts';
import { FakeMachine, stepRunContext, type ScriptedAnswer } from '../../rigs/fake-machine.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

async function run(
  options: Record<string, unknown>,
  answer: Omit<ScriptedAnswer, 'when'> = {},
  directory?: string,
) {
  const machine = new FakeMachine({}, [{ when: /./, ...answer }]);
  const result = await shellKind.run?.(optionsOf(shellKind, options), machine, stepRunContext(directory));
  const [command] = machine.commands;
  if (command === undefined) throw new Error('nothing ran');
  return { result, command };
}

test('commands are joined into one script that is only in memory', async () => {
  const { result, command } = await run({ inline: ['echo a', 'echo b'], args: ['x y'] });
  expect(result).toEqual({ ok: true, value: undefined });
  expect(command.argv.slice(-4)).toEqual(['/bin/sh', '-e', '/run/imgpipe/inline.sh', 'x y']);
  expect(command.mounts).toContainEqual({
    type: 'secret',
    value: 'echo a\necho b\n',
    target: '/run/imgpipe/inline.sh',
    mode: 0o755,
  });
});

test('exit codes: 3 fails with the last lines, unless it is a valid one', async () => {
  const answer = { code: 3, stdout: 'working\n', stderr: 'no such thing' };
  expect(failuresOf((await run({ inline: 'x' }, answer)).result)).toMatchObject([
    {
      reason: 'step-failed',
      message: 'the script ended with exit code 3',
      excerpt: ['working', 'no such thing'],
    },
  ]);
  expect((await run({ inline: 'x', validExitCodes: [0, 3] }, answer)).result).toMatchObject({ ok: true });
  expect(failuresOf((await run({ inline: 'x', validExitCodes: [3] }, { code: 0 })).result)).toHaveLength(1);
});

test('a disk that is full is told as such', async () => {
  const answer = { code: 1, stderr: 'cp: error writing: No space left on device' };
  expect(failuresOf((await run({ inline: 'x' }, answer)).result)).toMatchObject([
    { reason: 'step-failed', hint: expect.stringMatching(/raise `disk_size`/) as string },
  ]);
});

test('a timeout and a killed script are told apart', async () => {
  const late = await run({ inline: 'x' }, { outcome: { type: 'timed-out', afterMs: 1500 } });
  expect(failuresOf(late.result)).toMatchObject([
    { reason: 'step-timeout', message: 'the script ran longer than 1.5 s' },
  ]);
  const killed = await run({ inline: 'x' }, { outcome: { type: 'signaled', signal: 'SIGKILL' } });
  expect(failuresOf(killed.result)).toMatchObject([
    {
      reason: 'step-failed',
      message: 'the script was ended by SIGKILL',
      hint: expect.stringContaining('memory'),
    },
  ]);
});

test('secrets come as files or environment, caches and inputs as mounts', async () => {
  const { command } = await run({
    inline: 'x',
    env: { LEVEL: '3' },
    secrets: [{ secret: 'token', env: 'TOKEN' }, { secret: 'key' }],
    caches: [{ id: 'npm', target: '/root/.npm', mode: '0700' }],
    inputs: [{ source: 'data', target: '/in' }],
    user: 'app',
    workingDirectory: '/srv',
    network: 'none',
  });
  expect(command).toMatchObject({
    env: { LEVEL: '3', TOKEN: 'value of token' },
    user: 'app',
    cwd: '/srv',
    network: 'none',
  });
  expect(command.mounts?.slice(1)).toEqual([
    { type: 'cache', id: 'npm', target: '/root/.npm', mode: 0o700 },
    { type: 'secret', value: 'value of key', target: '/run/secrets/key', mode: 0o400 },
    { type: 'host', source: '/project/data', target: '/in' },
  ]);
  expect(command.argv.join(' ')).not.toContain('value of');
});

test.each([
  ['#!/usr/bin/env -S python3 -u\n', ['/usr/bin/env', '-S python3 -u']],
  ['#! /bin/bash\r\necho', ['/bin/bash']],
  ['#!/bin/bash', ['/bin/bash']],
  ['echo', ['/bin/sh', '-e']],
  ['\n#!/bin/bash\n', ['/bin/sh', '-e']],
])('the first line %j runs %j', (text, argv) => {
  expect(interpreterOf({}, { text })).toEqual(argv);
});

test('an interpreter that is written wins over the first line', () => {
  expect(interpreterOf({ interpreter: '/bin/bash -eu' }, { text: '#!/bin/sh\n' })).toEqual([
    '/bin/bash',
    '-eu',
  ]);
  expect(interpreterOf({ interpreter: ['/bin/a b', '-x'] }, { text: '' })).toEqual(['/bin/a b', '-x']);
});

test('a script is seen under its own name', async () => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'tune.py'), '#!/usr/bin/python3\n');
  const { command } = await run({ script: 'tune.py' }, {}, directory);
  expect(command.argv.slice(-2)).toEqual(['/usr/bin/python3', '/run/imgpipe/tune.py']);
});

test('a script that is missing or no text fails', async () => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'program'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe]));
  await expect(run({ script: 'gone.sh' }, {}, directory)).rejects.toThrow(/gone\.sh cannot be read/);
  await expect(run({ script: 'program' }, {}, directory)).rejects.toThrow(/is not a text file/);
});

test('each of several scripts is a step of its own; equal names get a number', () => {
  const options = optionsOf(shellKind, { scripts: ['a/x.sh', 'b/x.sh', 'c/y.sh'], env: { A: '1' } });
  const steps = shellKind.expand?.(options) ?? [];
  expect(steps.map((step) => step.suffix)).toEqual(['x', 'x-2', 'y']);
  expect(steps[1]?.options).toMatchObject({ script: 'b/x.sh', env: { A: '1' } });
  expect(steps[1]?.options).not.toHaveProperty('scripts');
});

test('inputs and secrets are declared', () => {
  const options = optionsOf(shellKind, {
    script: 'x.sh',
    inputs: [{ source: 'data', target: '/in', exclude: ['*.tmp'] }],
    secrets: [{ secret: 'a' }, { secret: 'a', env: 'A' }],
  });
  expect(shellKind.inputs?.(options, stepRunContext('/t'))).toEqual([
    { path: '/t/x.sh', type: 'file', option: 'script', modes: false, named: true },
    { path: '/t/data', type: 'any', option: 'inputs[0].source', modes: 'all', exclude: ['*.tmp'] },
  ]);
  expect(shellKind.secrets?.(options)).toEqual(['a']);
});
