import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../../src/diagnostics/failure.ts';
import {
  packerPowershellKind,
  type PackerPowershellOptions,
} from '../../../../src/provisioners/packer/powershell.ts';
import { runPackerPowershell } from '../../../../src/provisioners/packer/run-powershell.ts';
import {
  encodedPowershell,
  runPackerWindowsRestart,
} from '../../../../src/provisioners/packer/run-windows-restart.ts';
import { runPackerWindowsShell } from '../../../../src/provisioners/packer/run-windows-shell.ts';
import {
  packerWindowsRestartKind,
  type PackerWindowsRestartOptions,
} from '../../../../src/provisioners/packer/windows-restart.ts';
import {
  packerWindowsShellKind,
  type PackerWindowsShellOptions,
} from '../../../../src/provisioners/packer/windows-shell.ts';
import { FakeClock, FakeCommunicator, FakeDrivenMachine } from '../../../rigs/fake-communicator.ts';
import { stepRunContext } from '../../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Answers = ConstructorParameters<typeof FakeCommunicator>[0];

const BUILD = { packer_build_name: 'win', packer_builder_type: 'qemu' };
const gone = new FailureError({ reason: 'communicator-failed', message: 'gone' });

function setting(answers: Answers = []) {
  const communicator = new FakeCommunicator(answers);
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'a.ps1'), 'Get-Date\r\n');
  const context = stepRunContext(directory);
  return {
    communicator,
    clock: new FakeClock(),
    context,
    machine: new FakeDrivenMachine(communicator, { WinRMPassword: 'pw' }),
  };
}

async function powershell(options: Record<string, unknown>, answers?: Answers) {
  const { communicator, clock, context, machine } = setting(answers);
  const parsed = packerPowershellKind.schema.parse({
    ...BUILD,
    remote_path: 'c:/s.ps1',
    remote_env_var_path: 'c:/v.ps1',
    ...options,
  });
  const result = await runPackerPowershell(parsed as PackerPowershellOptions, machine, context, clock);
  return { calls: communicator.calls, uploads: communicator.uploads, result, clock, context };
}

const CLEANUP = expect.stringMatching(/^upload c:\/Windows\/Temp\/packer-cleanup-[0-9a-f-]{36}\.ps1$/);
const block = (path: string, more = ''): string =>
  `"& { if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:ProgressPreference -value 'SilentlyContinue'};${more}. c:/v.ps1; &'${path}'; exit $LastExitCode }"`;

describe('packer-powershell', () => {
  test('commands: environment, script, run, clean-up', async () => {
    const { calls, uploads, context, result } = await powershell({
      inline: ['Get-Date', 'exit 0'],
      environment_vars: ['A=$x "y" `z\' '],
    });
    expect(result.ok).toBe(true);
    expect(calls).toEqual([
      'upload c:/v.ps1',
      'upload c:/s.ps1',
      'run powershell -executionpolicy bypass -file c:/s.ps1',
      CLEANUP,
      expect.stringMatching(
        /^run powershell -executionpolicy bypass -file c:\/Windows\/Temp\/packer-cleanup-/,
      ),
    ]);
    const variables =
      '$env:A="`$x `"y`" ``z`\' "; $env:PACKER_BUILDER_TYPE="qemu"; $env:PACKER_BUILD_NAME="win"; ';
    expect(uploads.get('c:/v.ps1')).toBe(variables);
    const script = uploads.get('c:/s.ps1') ?? '';
    expect(script.split('\n')).toEqual(
      expect.arrayContaining(['try {', variables, 'Get-Date', 'exit 0', 'exit $exitCode']),
    );
    const cleanup = [...uploads].find(([path]) => path.includes('cleanup'));
    expect(cleanup?.[1]).toBe(
      ['c:/v.ps1', 'c:/s.ps1', cleanup?.[0]]
        .map((file) => `if (Test-Path ${file}) {Remove-Item ${file}}\n`)
        .join(''),
    );
    expect(context.logged).toEqual([
      'Provisioning with Powershell...',
      expect.stringMatching(/^Provisioning with powershell script: .*\/powershell-provisioner\d+$/),
    ]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a script', { script: 'a.ps1' }, `powershell -executionpolicy bypass ${block('c:/s.ps1')}`],
    [
      'a script with pwsh',
      { script: 'a.ps1', use_pwsh: true },
      `pwsh -executionpolicy bypass -command ${block('c:/s.ps1')}`,
    ],
    [
      'a script, traced',
      { script: 'a.ps1', debug_mode: 1 },
      `powershell -executionpolicy bypass ${block('c:/s.ps1', 'Set-PsDebug -Trace 1;')}`,
    ],
    ['a script, no policy', { script: 'a.ps1', execution_policy: 'none' }, block('c:/s.ps1').slice(1, -1)],
    ['commands with pwsh', { inline: ['x'], use_pwsh: true }, 'pwsh -executionpolicy bypass -file c:/s.ps1'],
    [
      'a policy',
      { inline: ['x'], execution_policy: 'AllSigned' },
      'powershell -executionpolicy allsigned -file c:/s.ps1',
    ],
    [
      'a policy by number',
      { inline: ['x'], execution_policy: '3' },
      'powershell -executionpolicy remotesigned -file c:/s.ps1',
    ],
    ['commands, no policy', { inline: ['x'], execution_policy: 'none' }, '-file c:/s.ps1'],
    ['own command', { inline: ['x'], execute_command: 'p {{.Path}} {{.Vars}}' }, 'p c:/s.ps1 c:/v.ps1'],
    [
      'a folder as path',
      { script: 'a.ps1', remote_path: 'c:/x/', execute_command: '{{.Path}}' },
      'c:/x/a.ps1',
    ],
  ])('command line: %s', async (_what, options, command) => {
    const { calls } = await powershell(options);
    expect(calls[2]).toBe(`run ${command}`);
  });

  test('paths are the same for the same step', async () => {
    const options = { inline: ['x'], remote_path: '', remote_env_var_path: '' };
    const [first, second] = [await powershell(options), await powershell(options)];
    expect(first.calls[0]).toMatch(/^upload c:\/Windows\/Temp\/packer-ps-env-vars-[0-9a-f-]{36}\.ps1$/);
    expect(first.calls[1]).toMatch(/^upload c:\/Windows\/Temp\/script-[0-9a-f-]{36}\.ps1$/);
    expect(second.calls).toEqual(first.calls);
  });

  test('another user: a scheduled task', async () => {
    const { calls, uploads } = await powershell({
      inline: ['x'],
      elevated_user: 'vag$rant',
      elevated_password: '{{ build `WinRMPassword` }}"',
      elevated_env_var_format: '%s=%s;',
      elevated_execute_command: 'run "{{.Path}}" & {{.Vars}}',
    });
    const runner =
      /upload (C:\/Windows\/Temp\/packer-elevated-shell-[0-9a-f-]{36}\.ps1)$/.exec(calls[1] ?? '')?.[1] ?? '';
    expect(calls.slice(0, 4)).toEqual([
      'upload c:/v.ps1',
      `upload ${runner}`,
      'upload c:/s.ps1',
      `run powershell -executionpolicy bypass -file "${runner}"`,
    ]);
    expect(uploads.get('c:/v.ps1')).toBe('PACKER_BUILDER_TYPE=qemu;PACKER_BUILD_NAME=win;');
    const script = uploads.get(runner) ?? '';
    expect(script).toContain('$user = "vag`$rant"');
    expect(script).toContain('$password = "pw`""');
    expect(script).toMatch(
      /^\/c run "c:\/s\.ps1" & c:\/v\.ps1 > %SYSTEMROOT%\/Temp\/packer-[0-9a-f-]{36}\.out 2>&1$/m,
    );
    expect(script).toContain(`"${runner}"`);
  });

  test('exit codes; a failed clean-up is only noted; skip_clean', async () => {
    const failed = await powershell({ inline: ['x'] }, [{ when: /-file c:\/s/, code: 1 }]);
    expect(failed.result).toMatchObject({
      failures: [{ message: expect.stringContaining('exit status: 1') }],
    });
    expect(
      (
        await powershell({ inline: ['x'], valid_exit_codes: [0, 3010] }, [
          { when: /-file c:\/s/, code: 3010 },
        ])
      ).result.ok,
    ).toBe(true);
    const dirty = await powershell({ inline: ['x'] }, [{ when: /upload .*cleanup/, throws: gone }]);
    expect(dirty.result.ok).toBe(true);
    expect(dirty.clock.waits).toEqual([10_000, 10_000, 10_000, 10_000, 10_000, 10_000]);
    expect(dirty.context.logged.at(-1)).toContain('c:/s.ps1');
    expect((await powershell({ inline: ['x'], skip_clean: true })).calls).toHaveLength(3);
  });
});

describe('packer-windows-shell', () => {
  async function batch(options: Record<string, unknown>, answers?: Answers) {
    const { communicator, clock, context, machine } = setting(answers);
    const parsed = packerWindowsShellKind.schema.parse({ ...BUILD, ...options }) as PackerWindowsShellOptions;
    const result = await runPackerWindowsShell(parsed, machine, context, clock);
    return { calls: communicator.calls, uploads: communicator.uploads, result, clock };
  }

  test('commands', async () => {
    const { calls, uploads } = await batch({ inline: ['dir', 'ver'], env: { A: "it's" } });
    expect(calls).toEqual([
      'upload c:/Windows/Temp/script.bat',
      `run set "A=it's" && set "PACKER_BUILDER_TYPE=qemu" && set "PACKER_BUILD_NAME=win" && "c:/Windows/Temp/script.bat"`,
    ]);
    expect(uploads.get('c:/Windows/Temp/script.bat')).toBe('dir\nver\n');
  });

  test('path, command and format of the user; tries again; exit codes', async () => {
    const options = {
      script: 'a.ps1',
      remote_path: 'c:/x.bat',
      env_var_format: '%s=%s;',
      execute_command: '{{.Vars}}call {{.Path}}',
    };
    const { calls, uploads, clock } = await batch(options, [{ when: /call/, throws: gone, times: 1 }]);
    expect(calls).toEqual([
      'upload c:/x.bat',
      'run PACKER_BUILDER_TYPE=qemu;PACKER_BUILD_NAME=win;call c:/x.bat',
      'upload c:/x.bat',
      'run PACKER_BUILDER_TYPE=qemu;PACKER_BUILD_NAME=win;call c:/x.bat',
    ]);
    expect(uploads.get('c:/x.bat')).toBe('Get-Date\r\n');
    expect(clock.waits).toEqual([2000]);
    expect((await batch({ inline: ['x'] }, [{ when: /script\.bat"$/, code: 9 }])).result.ok).toBe(false);
  });
});

describe('packer-windows-restart', () => {
  async function restart(options: Record<string, unknown>, answers: Answers) {
    const { communicator, clock, context, machine } = setting(answers);
    const parsed = packerWindowsRestartKind.schema.parse({
      ...BUILD,
      ...options,
    }) as PackerWindowsRestartOptions;
    const result = await runPackerWindowsRestart(parsed, machine, context, clock);
    return {
      calls: communicator.calls,
      result,
      clock,
      logged: context.logged.filter((line) => !line.startsWith('stdout')),
    };
  }

  const GREETING = encodedPowershell('echo ("{0} restarted." -f [System.Net.Dns]::GetHostName())');
  const greeting = { when: /^powershell\.exe/, stdout: 'WIN restarted.\n' };
  const exactly = (command: string): RegExp =>
    new RegExp(`^${command.replaceAll(/[.+]/g, String.raw`\$&`)}$`);
  const TRY = 'run shutdown /r /f /t 60 /c "packer restart test"';

  test('restarts, sees it go down, waits until PowerShell answers', async () => {
    const { calls, result, clock, logged } = await restart({}, [
      { when: /\/t 60/, code: 1115, times: 1 },
      { when: /\/t 60/, throws: gone },
      { when: /^powershell\.exe/, throws: gone, times: 1 },
      { when: /^powershell\.exe/, stdout: 'modules are loading', times: 1 },
      greeting,
    ]);
    expect(result.ok).toBe(true);
    expect(calls).toEqual([
      'run shutdown /r /f /t 0 /c "packer restart"',
      TRY,
      TRY,
      `run ${GREETING}`,
      `run ${GREETING}`,
      `run ${GREETING}`,
    ]);
    expect(clock.waits).toEqual([10_000, 5000, 5000, 5000]);
    expect(logged).toEqual([
      'Restarting Machine',
      'Waiting for machine to restart...',
      'Machine successfully restarted, moving on',
    ]);
  });

  test('a test restart that is taken is called off', async () => {
    const { calls } = await restart({ restart_command: 'reboot me' }, [greeting]);
    expect(calls.slice(0, 3)).toEqual(['run reboot me', TRY, 'run shutdown /a']);
  });

  test('exit codes of the restart: 0, 1115, 1190', async () => {
    for (const code of [1115, 1190]) {
      expect((await restart({}, [{ when: /\/t 0/, code }, greeting])).result.ok).toBe(true);
    }
    expect((await restart({}, [{ when: /\/t 0/, code: 5 }])).result).toMatchObject({
      failures: [{ message: 'Restart script exited with non-zero exit status: 5' }],
    });
  });

  test('own check first, then PowerShell, then the registry until nothing is pending', async () => {
    const { calls, result } = await restart(
      { restart_check_command: 'ready?', check_registry: true, registry_keys: ['HKLM:a', 'HKLM:b'] },
      [
        { when: /\/t 60/, code: 1 },
        { when: /ready/, throws: gone, times: 1 },
        { when: exactly(encodedPowershell('Test-Path "HKLM:b"')), stdout: 'True', times: 1 },
        ...['a', 'b'].map((key) => ({
          when: exactly(encodedPowershell(`Test-Path "HKLM:${key}"`)),
          stdout: 'False',
        })),
        greeting,
      ],
    );
    expect(result.ok).toBe(true);
    const seen = calls.slice(2).map((call) => {
      const text = /EncodedCommand (\S+)/.exec(call)?.[1];
      return text === undefined
        ? call
        : Buffer.from(text, 'base64')
            .toString('utf16le')
            .replace(/^[^;]*;/, '');
    });
    const keys = ['Test-Path "HKLM:a"', 'Test-Path "HKLM:b"'];
    const hello = 'echo ("{0} restarted." -f [System.Net.Dns]::GetHostName())';
    expect(seen).toEqual(['run ready?', 'run ready?', hello, ...keys, hello, ...keys]);
  });

  test('restart_timeout ends the wait', async () => {
    const { result, clock } = await restart({ restart_timeout: '12s' }, [
      { when: /\/t 60|^powershell/, throws: gone },
    ]);
    expect(result).toMatchObject({ failures: [{ message: 'Timeout waiting for machine to restart.' }] });
    expect(clock.now()).toBe(15_000);
  });
});
