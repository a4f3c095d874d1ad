import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../../src/diagnostics/failure.ts';
import { lateValue } from '../../../../src/model/late-value.ts';
import { runPackerShell } from '../../../../src/provisioners/packer/run-shell.ts';
import { packerShellKind, type PackerShellOptions } from '../../../../src/provisioners/packer/shell.ts';
import { FakeClock, FakeCommunicator, FakeDrivenMachine } from '../../../rigs/fake-communicator.ts';
import { stepRunContext } from '../../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

const unreachable = new FailureError({ reason: 'communicator-failed', message: 'gone' });

interface Setting {
  readonly keepsModes?: boolean;
  readonly answers?: ConstructorParameters<typeof FakeCommunicator>[0];
  readonly facts?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

async function run(
  options: Record<string, unknown>,
  { answers, facts, directory, keepsModes = false }: Setting = {},
) {
  const parsed = packerShellKind.schema.parse({
    packer_build_name: 'web',
    packer_builder_type: 'docker',
    remote_file: 's.sh',
    ...options,
  }) as PackerShellOptions;
  const communicator = new FakeCommunicator(answers);
  communicator.keepsModes = keepsModes;
  const clock = new FakeClock();
  const context = stepRunContext(directory);
  const machine = new FakeDrivenMachine(communicator, facts);
  const result = await runPackerShell(parsed, machine, context, clock);
  return {
    ...communicator,
    uploads: communicator.uploads,
    calls: communicator.calls,
    result,
    clock,
    context,
  };
}

const FACTS_OF_BUILD = "PACKER_BUILDER_TYPE='docker' PACKER_BUILD_NAME='web' ";

describe('packer-shell', () => {
  test('uploads, makes executable, runs, deletes, in this order', async () => {
    const { calls, uploads, result, context } = await run({ inline: ['echo one', 'echo two'] });
    expect(result.ok).toBe(true);
    expect(calls).toEqual([
      'upload /tmp/s.sh',
      'run chmod 0755 /tmp/s.sh',
      `run chmod +x /tmp/s.sh; ${FACTS_OF_BUILD} /tmp/s.sh`,
      'run rm -f /tmp/s.sh',
    ]);
    expect(uploads.get('/tmp/s.sh')).toBe('#!/bin/sh -e\necho one\necho two\n');
    expect(context.logged).toEqual([
      expect.stringMatching(/^Provisioning with shell script: .*\/packer-shell\d+$/),
    ]);
  });

  test('a communicator that keeps modes needs no command for them', async () => {
    const { calls } = await run({ inline: ['true'], use_env_var_file: true }, { keepsModes: true });
    expect(calls.slice(0, 2)).toEqual([expect.stringMatching(/^upload .* 600$/), 'upload /tmp/s.sh 755']);
    expect(calls.join('\n')).not.toContain('chmod 0');
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'a user variable',
      { environment_vars: ['FOO=bar'], env: { BAR: 'foo' } },
      `BAR='foo' FOO='bar' ${FACTS_OF_BUILD}`,
    ],
    ['a quote', { environment_vars: ["FOO=bar's"] }, `FOO='bar'"'"'s' ${FACTS_OF_BUILD}`],
    [
      'equals signs',
      { environment_vars: ['FOO==bar=baz', 'EMPTY='] },
      `EMPTY='' FOO='=bar=baz' ${FACTS_OF_BUILD}`,
    ],
    ['env wins', { environment_vars: ['A=1'], env: { A: '2' } }, `A='2' ${FACTS_OF_BUILD}`],
    ['later names come later', { env: { YAR: 'yaa' } }, `${FACTS_OF_BUILD}YAR='yaa' `],
    [
      'a format of the user',
      { environment_vars: ['FOO=bar'], env_var_format: '%s=%s ' },
      'FOO=bar PACKER_BUILDER_TYPE=docker PACKER_BUILD_NAME=web ',
    ],
  ])('environment: %s', async (_what, options, variables) => {
    const { calls } = await run({ inline: ['true'], ...options });
    expect(calls[2]).toBe(`run chmod +x /tmp/s.sh; ${variables} /tmp/s.sh`);
  });

  test('the addresses of the HTTP server are told when there is one', async () => {
    const facts = { PackerHTTPAddr: '10.0.2.2:8100', PackerHTTPIP: '10.0.2.2', PackerHTTPPort: '8100' };
    const { calls } = await run({ inline: ['true'] }, { facts });
    expect(calls[2]).toContain(
      `PACKER_BUILD_NAME='web' PACKER_HTTP_ADDR='10.0.2.2:8100' PACKER_HTTP_IP='10.0.2.2' PACKER_HTTP_PORT='8100' `,
    );
  });

  test('use_env_var_file uploads the environment first and sources it', async () => {
    const { calls, uploads } = await run({ inline: ['true'], use_env_var_file: true, env: { A: "b'c" } });
    const file = /upload (\/tmp\/varfile_\d{1,4}\.sh)$/.exec(calls[0] ?? '')?.[1] ?? '';
    expect(calls).toEqual([
      `upload ${file}`,
      `run chmod 0600 ${file}`,
      'upload /tmp/s.sh',
      'run chmod 0755 /tmp/s.sh',
      `run chmod +x /tmp/s.sh; . ${file} && /tmp/s.sh`,
      'run rm -f /tmp/s.sh',
      `run rm -f ${file}`,
    ]);
    expect(uploads.get(file)).toBe(
      `export A='b'"'"'c'\nexport PACKER_BUILDER_TYPE='docker'\nexport PACKER_BUILD_NAME='web'\n`,
    );
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['own words of the user', { inline_shebang: '/bin/bash -ex' }, '#!/bin/bash -ex\ntrue\n'],
    [
      'first command names its shell',
      { inline: ['#!/usr/bin/perl', 'print 1'] },
      '#!/usr/bin/perl\nprint 1\n',
    ],
    [
      'both: the option stands first',
      { inline: ['#!/usr/bin/perl', 'print 1'], inline_shebang: '/bin/sh' },
      '#!/bin/sh\n#!/usr/bin/perl\nprint 1\n',
    ],
  ])('first line: %s', async (_what, options, script) => {
    const { uploads } = await run({ inline: ['true'], ...options });
    expect(uploads.get('/tmp/s.sh')).toBe(script);
  });

  test('line ends become those of Unix unless the script is binary', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'dos.sh'), 'echo a\r\necho b\r\r\nexit');
    const converted = await run({ script: 'dos.sh' }, { directory });
    expect(converted.uploads.get('/tmp/s.sh')).toBe('echo a\necho b\r\nexit\n');
    expect(converted.context.logged).toEqual(['Provisioning with shell script: dos.sh']);
    const kept = await run({ script: 'dos.sh', binary: true }, { directory });
    expect(kept.uploads.get('/tmp/s.sh')).toBe('echo a\r\necho b\r\r\nexit');
  });

  test('paths in the machine', async () => {
    const folder = await run({ inline: ['true'], remote_folder: '/var/tmp' });
    expect(folder.calls[0]).toBe('upload /var/tmp/s.sh');
    const whole = await run({ inline: ['true'], remote_folder: '/var/tmp', remote_path: '/opt/x' });
    expect(whole.calls[0]).toBe('upload /opt/x');
    const [first, second, other] = await Promise.all(
      [['true'], ['true'], ['false']].map((inline) => run({ inline, remote_file: '' })),
    );
    expect(first?.calls[0]).toMatch(/^upload \/tmp\/script_\d{1,4}\.sh$/);
    expect(second?.calls[0]).toBe(first?.calls[0]);
    expect(other?.calls[0]).not.toBe(first?.calls[0]);
  });

  test('execute_command with everything a template may say', async () => {
    const { calls } = await run(
      {
        inline: ['echo {{ build `ID` }} {{ upper `x` }}'],
        execute_command:
          'echo {{user `pw`}} | {{.Vars}} sudo -S sh -c "{{ .Path }} {{ build_name }} {{ build `Host` }} {{.ID}}"',
        packer_user_variables: { pw: 'geheim' },
      },
      { facts: { ID: 'c0ffee' } },
    );
    expect(calls[2]).toBe(
      `run echo geheim | ${FACTS_OF_BUILD} sudo -S sh -c "/tmp/s.sh web ERR_HOST_NOT_IMPLEMENTED_BY_BUILDER c0ffee"`,
    );
  });

  test('late values: a fact of the machine and a secret are put in when it runs', async () => {
    const env = { TOKEN: lateValue('secret', 'token'), AT: `http://${lateValue('build', 'Host')}/` };
    const { calls, uploads } = await run(
      { inline: [`echo ${lateValue('build', 'ID')}`], env },
      { facts: { ID: '7', Host: 'h' } },
    );
    expect(calls[2]).toContain(`AT='http://h/' `);
    expect(calls[2]).toContain(`TOKEN='value of token' `);
    expect(uploads.get('/tmp/s.sh')).toContain('echo 7\n');
    const parsed = packerShellKind.schema.parse({ inline: ['true'], env });
    expect(packerShellKind.secrets?.(parsed)).toEqual(['token']);
    expect(JSON.stringify(parsed)).not.toContain('value of');
  });

  test('exit codes that mean success', async () => {
    const failed = await run({ inline: ['x'] }, { answers: [{ when: /chmod \+x/, code: 3 }] });
    expect(failed.result).toMatchObject({
      ok: false,
      failures: [
        {
          reason: 'step-failed',
          message: 'Script exited with non-zero exit status: 3. Allowed exit codes are: [0]',
        },
      ],
    });
    expect(failed.calls.at(-1)).not.toContain('rm -f');
    const other = await run(
      { inline: ['x'], valid_exit_codes: [0, 42] },
      { answers: [{ when: /chmod \+x/, code: 3 }] },
    );
    expect(other.result).toMatchObject({ failures: [{ message: expect.stringContaining('[0 42]') }] });
    const valid = await run(
      { inline: ['x'], valid_exit_codes: [0, 3] },
      { answers: [{ when: /chmod \+x/, code: 3 }] },
    );
    expect(valid.result.ok).toBe(true);
  });

  test('a connection that breaks is a failure unless it is expected', async () => {
    const answers = [{ when: /chmod \+x/, disconnected: true }];
    const broken = await run({ inline: ['reboot'] }, { answers });
    expect(broken.result).toMatchObject({
      failures: [{ message: expect.stringContaining('Script disconnected unexpectedly') }],
    });
    expect((await run({ inline: ['reboot'], expect_disconnect: true }, { answers })).result.ok).toBe(true);
    expect((await run({ inline: ['reboot'], valid_exit_codes: [0, 2300218] }, { answers })).result.ok).toBe(
      true,
    );
  });

  test('upload and start are tried again together; what is left is deleted once the machine is back', async () => {
    const { calls, result, clock } = await run(
      { inline: ['reboot'], expect_disconnect: true },
      {
        answers: [
          { when: /^upload/, throws: unreachable, times: 1 },
          { when: /chmod \+x/, throws: unreachable, times: 1 },
          { when: /rm -f/, throws: unreachable, times: 1 },
          { when: /rm -f/, disconnected: true, times: 1 },
        ],
      },
    );
    expect(result.ok).toBe(true);
    expect(calls.map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
      'upload /tmp/s.sh',
      'upload /tmp/s.sh',
      'run chmod',
      'run chmod',
      'upload /tmp/s.sh',
      'run chmod',
      'run chmod',
      'run rm',
      'run rm',
      'run rm',
    ]);
    expect(clock.waits).toEqual([2000, 2000, 2000, 2000]);
  });

  test('start_retry_timeout ends the tries', async () => {
    const answers = [{ when: /^upload/, throws: unreachable }];
    const short = await run({ inline: ['x'], start_retry_timeout: '5s' }, { answers });
    expect(short.result).toMatchObject({ failures: [{ reason: 'communicator-failed' }] });
    expect(short.calls).toHaveLength(4);
    const usual = await run({ inline: ['x'] }, { answers });
    expect(usual.clock.now()).toBe(300_000);
  });

  test('skip_clean leaves the script; pause_after waits at the end', async () => {
    const { calls, clock, context } = await run({ inline: ['x'], skip_clean: true, pause_after: '1m30s' });
    expect(calls.some((call) => call.includes('rm -f'))).toBe(false);
    expect(clock.waits).toEqual([90_000]);
    expect(context.logged.at(-1)).toBe('Pausing 1m30s after this provisioner...');
  });

  test('each of several scripts is a step; the pause is after the last one', () => {
    const options = packerShellKind.schema.parse({
      scripts: ['a/setup.sh', 'b/setup.sh', 'tune.sh'],
      pause_after: '5s',
    });
    const steps = packerShellKind.expand?.(options) ?? [];
    expect(steps.map(({ suffix, option }) => [suffix, option])).toEqual([
      ['setup', 'scripts[0]'],
      ['setup-2', 'scripts[1]'],
      ['tune', 'scripts[2]'],
    ]);
    expect(steps.map((step) => (step.options as PackerShellOptions).script)).toEqual([
      'a/setup.sh',
      'b/setup.sh',
      'tune.sh',
    ]);
    expect(steps.map((step) => step.options['pause_after'])).toEqual([undefined, undefined, '5s']);
    expect(steps.map((step) => packerShellKind.schema.safeParse(step.options).success)).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('a machine that is only a tree is refused', async () => {
    const { FakeMachine } = await import('../../../rigs/fake-machine.ts');
    const options = packerShellKind.schema.parse({ inline: ['true'] }) as PackerShellOptions;
    const result = await runPackerShell(options, new FakeMachine(), stepRunContext());
    expect(result).toMatchObject({
      failures: [{ reason: 'step-failed', hint: expect.stringContaining('docker') }],
    });
  });
});
