import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { capture } from '../../../../src/diagnostics/failure.ts';
import { lateValue } from '../../../../src/model/late-value.ts';
import {
  type LocalSurroundings,
  runLocalScripts,
} from '../../../../src/provisioners/packer/local-scripts.ts';
import {
  packerShellLocalKind,
  type PackerShellLocalOptions,
} from '../../../../src/provisioners/packer/shell-local.ts';
import { FakeCommunicator, FakeDrivenMachine } from '../../../rigs/fake-communicator.ts';
import { stepRunContext } from '../../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

async function run(options: Record<string, unknown>, more: Partial<LocalSurroundings> = {}) {
  const said: string[] = [];
  const printed = { stdout: '', stderr: '' };
  const parsed = packerShellLocalKind.schema.parse({
    packer_build_name: 'web',
    packer_builder_type: 'null',
    ...options,
  });
  const directory = more.directory ?? temporaryFolder();
  const result = await capture(() =>
    runLocalScripts(parsed as PackerShellLocalOptions, {
      facts: { ID: '7' },
      environment: { PATH: process.env['PATH'], HOST_VARIABLE: 'seen' },
      signal: new AbortController().signal,
      say: (line) => said.push(line),
      output: ({ stream, text }) => {
        printed[stream] += text;
      },
      ...more,
      directory,
    }),
  );
  return { result, said, ...printed, directory };
}

describe('packer-shell-local', () => {
  test('commands run in the folder of the build, with the environment of the user and of the build', async () => {
    const inline = [
      'pwd',
      'echo "$HOST_VARIABLE $PACKER_BUILD_NAME $PACKER_BUILDER_TYPE $A $0"',
      'echo err >&2',
      'touch made',
    ];
    const { stdout, stderr, directory, said, result } = await run({ inline, env: { A: "it's" } });
    expect(result.ok).toBe(true);
    const [folder, line] = stdout.split('\n');
    expect(folder).toBe(directory);
    expect(line).toMatch(/^seen web null it's \S+\/packer-shell\d+$/);
    expect(stderr).toBe('err\n');
    expect(existsSync(join(directory, 'made'))).toBe(true);
    expect(said[0]).toMatch(/^Running local shell script: \S+\/packer-shell\d+$/);
    expect(existsSync(said[0]?.split(': ')[1] ?? '')).toBe(false);
  });

  test('scripts by their paths; execute_command, tempfile_extension, inline_shebang, command', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'a.sh'), '#!/bin/sh\necho "$1 $X"\n');
    chmodSync(join(directory, 'a.sh'), 0o755);
    const scripts = await run(
      {
        scripts: ['a.sh', './a.sh'],
        environment_vars: ['X={{ build `ID` }}'],
        execute_command: ['sh', '-c', '{{.Vars}} {{.Script}} one'],
      },
      { directory },
    );
    expect(scripts.stdout).toBe('one 7\none 7\n');
    expect(scripts.said).toEqual(['Running local shell script: a.sh', 'Running local shell script: ./a.sh']);
    const ending = await run({
      inline: ['echo $0'],
      tempfile_extension: '.bash',
      inline_shebang: '/bin/bash',
    });
    expect(ending.stdout).toMatch(/packer-shell\d+\.bash\n$/);
    expect((await run({ command: 'echo old' })).stdout).toBe('old\n');
    const direct = await run({ inline: ['echo x'], execute_command: ['/bin/cat', '{{.Command}}'] });
    expect(direct.stdout).toBe('#!/bin/sh -e\necho x\n');
  });

  test('exit codes and programs that are not there', async () => {
    expect((await run({ inline: ['exit 4'] })).result).toMatchObject({
      failures: [{ message: 'Script exited with non-zero exit status: 4. Allowed exit codes are: [0]' }],
    });
    expect((await run({ inline: ['exit 4'], valid_exit_codes: [4] })).result.ok).toBe(true);
    const missing = await run({ inline: ['true'], execute_command: ['/no/such/program', '{{.Script}}'] });
    expect(missing.result).toMatchObject({
      failures: [{ message: expect.stringContaining('Error executing script') }],
    });
  });

  test('only_on', async () => {
    const other = await run({ inline: ['touch made'], only_on: ['windows'] }, { system: 'linux' });
    expect(other.said).toEqual(['Skipping shell-local due to runtime OS']);
    expect(existsSync(join(other.directory, 'made'))).toBe(false);
    expect((await run({ inline: ['echo x'], only_on: ['linux'] }, { system: 'linux' })).stdout).toBe('x\n');
  });

  test('secrets are in no command line of the host', async () => {
    const inline = ['tr "\\0" " " < /proc/$PPID/cmdline; env | grep -c IMGPIPE; echo "$TOKEN" > token'];
    const options = { inline, valid_exit_codes: [0, 1], env: { TOKEN: 's3cr3t-value' } };
    const hidden = await run(options);
    expect(hidden.stdout).not.toContain('s3cr3t-value');
    expect(hidden.stdout).toContain('eval');
    expect(
      readFileSync(
        join((await run({ ...options, inline: ['echo "$TOKEN" > token'] })).directory, 'token'),
        'utf8',
      ),
    ).toBe('s3cr3t-value\n');
  });

  test('as a step: runs every time, on the host unless it is told where the machine is', async () => {
    const plain = packerShellLocalKind.schema.parse({ inline: ['true'] });
    expect(packerShellLocalKind.untracked?.(plain)).toBe('it runs on this host');
    expect(packerShellLocalKind.reach?.(plain)).toBe('host');
    const told = packerShellLocalKind.schema.parse({ inline: [`echo ${lateValue('build', 'Host')}`] });
    expect(packerShellLocalKind.reach?.(told)).toBe('machine');
    const context = stepRunContext(temporaryFolder());
    const machine = new FakeDrivenMachine(new FakeCommunicator(), { Host: '10.1.1.1' });
    expect(await packerShellLocalKind.run?.(told, machine, context)).toMatchObject({ ok: true });
    expect(context.logged.at(-1)).toBe('stdout: 10.1.1.1\n');
  });
});
