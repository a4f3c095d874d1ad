import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { addTinyRoot, CliProject, eventually, IMGPIPE, mountsOf, processesOf } from '../rigs/cli.ts';

const step = (body: string, rest = ''): string => `source:
  type: rootfs
  path: tiny.tar
steps:
  - type: shell
    name: work
    inline: |
${body.replaceAll(/^/gm, '      ')}
${rest}`;

function tiny(template: string): CliProject {
  const project = new CliProject({ 'pipelines/tiny.yaml': template });
  addTinyRoot(project);
  return project;
}

test('a script that exits 3: the place in the template, the code, the last lines; nothing is cached', async () => {
  const project = tiny(step('echo about to fail\nexit 3'));
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/tiny\.yaml:5:\d+/);
  expect(result.stderr).toMatch(/3/);
  expect(result.stderr).toContain('about to fail');
  expect((await project.build()).cached).toEqual(['source']);
});

test('a failed step can be looked at in a shell', async () => {
  const project = tiny(step('echo kept > /etc/kept\nexit 1'));
  expect((await project.run('build')).code).toBe(1);
  const shell = await project.run('shell', 'work', '--', 'cat', '/etc/kept');
  expect(shell).toMatchObject({ code: 0, stdout: 'kept\n' });
});

test('a shell is a throw-away copy', async () => {
  const project = tiny(step('echo one > /etc/made'));
  await project.build();
  expect(await project.run('shell', 'work', '--', 'sh', '-c', 'echo two > /etc/made; exit 7')).toMatchObject({
    code: 7,
  });
  expect(await project.run('shell', 'work', '--', 'cat', '/etc/made')).toMatchObject({
    code: 0,
    stdout: 'one\n',
  });
});

test('a script that hangs ends at its timeout', async () => {
  const project = tiny(step('sleep 100', '    timeout: 1s\n'));
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/longer than its timeout/);
  expect(processesOf(project.directory)).toEqual([]);
});

test('retries start from the clean layers', async () => {
  const project = tiny(step('test ! -e /etc/dirty\necho x > /etc/dirty\nexit 1', '    retries: 2\n'));
  const result = await project.run('build', '--ui=json');
  const retries = result.stdout.split('\n').filter((line) => line.includes('"node-retry"'));
  expect(result.code).toBe(1);
  expect(retries).toHaveLength(2);
  // A dirty retry would fail in `test`, before writing anything.
  expect(await project.run('shell', 'work', '--', 'cat', '/etc/dirty')).toMatchObject({ code: 0 });
});

test('Ctrl-C: exit 130 without waiting for the step, nothing runs or is mounted, and the next build is right', async () => {
  const project = tiny(step('echo started\nsleep 601.1'));
  const started = project.start(['build', '--ui=plain']);
  await eventually('the step', () => processesOf('sleep 601.1').length > 0);
  started.process.kill('SIGINT');
  const result = await started.result;
  expect(result.code).toBe(130);
  expect(processesOf('sleep 601.1')).toEqual([]);
  // What takes longer to delete than a user waits is deleted behind imgpipe.
  await eventually('the end of what clears up', () => processesOf(project.directory).length === 0);
  expect(readdirSync(project.path('cache/active'))).toEqual([]);
  expect(mountsOf(project.directory)).toEqual([]);
  project.write('pipelines/tiny.yaml', step('echo started'));
  expect(await project.build()).toMatchObject({ code: 0, built: ['work'] });
});

test('a terminal that is closed: nothing runs, nothing half-made is left', async () => {
  const project = tiny(step('echo started\nsleep 601.3'));
  const tmux = (...args: string[]) => {
    execFileSync('tmux', ['-S', project.path('tmux'), '-f', '/dev/null', ...args], {
      cwd: project.directory,
    });
  };
  tmux('new-session', '-d', '-x', '80', '-y', '24', '--', ...IMGPIPE, 'build', '--ui=ink');
  await eventually('the step', () => processesOf('sleep 601.3').length > 0);
  tmux('kill-server');
  await eventually('the end of all processes', () => processesOf('sleep 601.3').length === 0);
  await eventually('the end of the run', () => readdirSync(project.path('cache/journal')).length === 0);
  const left = ['active', 'scratch'].flatMap((folder) => readdirSync(project.path(`cache/${folder}`)));
  expect(left).toEqual([]);
});

test('kill -9: nothing survives, the next build clears up and is right', async () => {
  const project = tiny(step('echo started\nsleep 601.2'));
  const started = project.start(['build', '--ui=plain']);
  await eventually('the step', () => processesOf('sleep 601.2').length > 0);
  started.process.kill('SIGKILL');
  await started.result;
  await eventually('the end of all processes', () => processesOf(project.directory).length === 0);
  expect(mountsOf(project.directory)).toEqual([]);
  project.write('pipelines/tiny.yaml', step('echo started'));
  expect(await project.build()).toMatchObject({ code: 0, built: ['work'] });
  expect(readdirSync(project.path('cache/journal'))).toEqual([]);
  expect(await project.run('gc')).toMatchObject({ code: 0 });
  expect(readdirSync(project.path('cache/active')).filter((name) => !name.endsWith('.lock'))).toEqual([]);
});

test('two builds of the same thing share the work', async () => {
  const project = tiny(step('sleep 1\necho done > /etc/done'));
  const [a, b] = await Promise.all([project.build(), project.build()]);
  expect([a.code, b.code]).toEqual([0, 0]);
  expect([...a.built, ...b.built].toSorted()).toEqual(['source', 'work']);
});

test('a full disk is a clear failure, and the store stays valid', async () => {
  const project = tiny(
    step(
      'cat /usr/bin/sh /usr/bin/sh /usr/bin/sh > /big; for i in 1 2 3 4 5 6 7 8 9; do cat /big /big >> /bigger; done',
    ),
  );
  mkdirSync(project.path('cache'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', project.path('cache')]);
  onTestFinished(() => void execFileSync('umount', [project.path('cache')]));
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/[Nn]o space/);
  execFileSync('mount', ['-o', 'remount,size=200m', project.path('cache')]);
  expect(await project.build()).toMatchObject({ code: 0 });
  expect(await project.run('cache', 'verify')).toMatchObject({ code: 0 });
});

test('a cache of a newer format is refused and left alone', async () => {
  const project = tiny(step('true'));
  project.write('cache/format.json', '{"format":99}');
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/format 99/);
  expect(readdirSync(project.path('cache'))).toEqual(['format.json']);
});

test('a missing input is named before anything is built', async () => {
  const project = tiny(
    step('true', '  - type: file\n    name: conf\n    path: /etc/conf\n    source: nowhere.conf\n'),
  );
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(/nowhere\.conf does not exist/);
  expect(result.stderr).toMatch(/tiny\.yaml:\d+:\d+/);
});

test('cache commands: ls, du, prune, verify', async () => {
  const project = tiny(step('echo 1 > /etc/one'));
  await project.build();
  expect((await project.run('cache', 'ls')).stdout).toContain('tiny/work');
  expect((await project.run('cache', 'du')).code).toBe(0);
  expect(await project.run('cache', 'verify')).toMatchObject({ code: 0 });
  const dry = await project.run('cache', 'prune', '--all', '--dry-run');
  expect(dry.code).toBe(0);
  expect(await project.build()).toMatchObject({ built: [] });
  expect((await project.run('cache', 'prune', '--all')).code).toBe(0);
  expect(await project.build()).toMatchObject({ built: ['source', 'work'] });
});

test('a damaged layer is found and dropped', async () => {
  const project = tiny(step('echo 1 > /etc/one'));
  await project.build();
  const layer = execFileSync('sh', ['-c', 'ls -d cache/layers/*/tree/etc/one'], {
    cwd: project.directory,
    encoding: 'utf8',
  }).trim();
  project.write(layer, 'X\n');
  expect((await project.run('cache', 'verify')).code).toBe(1);
  expect(await project.build()).toMatchObject({ code: 0, built: ['work'] });
  rmSync(project.path('output'), { recursive: true, force: true });
});

test('a host without mmdebstrap: what is missing, what needs it, and how to install it', async () => {
  const project = new CliProject({
    'pipelines/tiny.yaml': 'source: { type: bootstrap, suite: bookworm }\nsteps: []\n',
  });
  // All programs of the host but one: a whiteout hides it, in a mount namespace of its own.
  const hide =
    'mkdir up work; mknod up/mmdebstrap c 0 0; mount -t overlay o -o lowerdir=/usr/bin,upperdir=up,workdir=work /usr/bin; exec "$@"';
  const argv = ['--mount', 'sh', '-ec', hide, 'sh', ...IMGPIPE, 'build', '--ui=plain'];
  const result = spawnSync('unshare', argv, { cwd: project.directory, env: project.env, encoding: 'utf8' });
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/mmdebstrap.*not installed|not installed.*mmdebstrap/);
  expect(result.stderr).toMatch(/imgpipe doctor|apt-get install mmdebstrap/);
});

test('a cache that cannot be written', async () => {
  const project = tiny(step('true'));
  mkdirSync(project.path('cache'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', project.path('cache')]);
  onTestFinished(() => void execFileSync('umount', [project.path('cache')]));
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/cache .* cannot be written/);
  expect(result.stderr).toContain('--cache-dir');
});

test.each([
  ['imgpipe.config.yaml', 'cache: [\n', /imgpipe\.config\.yaml:\d+:\d+/],
  ['imgpipe.config.yaml', 'cach: {}\n', /unknown .*"cach".*\n(.*\n)*.*"cache"/],
])('a config that is wrong: %s', async (file, text, message) => {
  const project = tiny(step('true'));
  project.write(file, text);
  const result = await project.run('build', '--ui=plain');
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(message);
});

test('a plugin adds a kind; one that cannot be loaded is named', async () => {
  const project = new CliProject(
    {
      'plugin.mjs': `import { defineProvisioner } from 'imgpipe';
import * as z from 'zod';
export default {
  steps: [
    defineProvisioner({
      type: 'greeting',
      summary: 'Writes a greeting.',
      schema: z.strictObject({ to: z.string().describe('Whom to greet.') }),
      keyVersion: 1,
      effect: () => 'write',
      entries: ({ to }) =>
        Promise.resolve({
          ok: true,
          value: [{ type: 'file', path: '/etc/greeting', owner: 0, group: 0, mode: 0o644, content: { type: 'text', text: \`hello \${to}\\n\` } }],
        }),
      examples: { good: [], bad: [] },
    }),
  ],
};
`,
      'pipelines/tiny.yaml':
        'source: { type: rootfs, path: tiny.tar }\nsteps: [{ type: greeting, to: world }]\n',
    },
    { config: 'cache: { directory: cache }\nplugins: [./plugin.mjs]\n' },
  );
  addTinyRoot(project);
  symlinkSync(dirname(fileURLToPath(import.meta.resolve('zod'))), project.path('node_modules/zod'));
  expect(await project.build()).toMatchObject({ code: 0, built: ['source', 'greeting'] });
  expect(await project.build()).toMatchObject({ code: 0, built: [] });
  expect(await project.run('shell', 'greeting', '--', 'cat', '/etc/greeting')).toMatchObject({
    stdout: 'hello world\n',
  });
  project.write('imgpipe.config.yaml', 'cache: { directory: cache }\nplugins: [./nowhere.mjs]\n');
  const broken = await project.run('build', '--ui=plain');
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/plugin .*nowhere\.mjs/);
});

test('steps that do not see each other and change one path, in a pipeline without exports: told every time', async () => {
  const project = tiny(`source: { type: rootfs, path: tiny.tar }
steps:
  - { type: shell, name: one, needs: [], inline: "echo 1 > /etc/both" }
  - { type: shell, name: two, needs: [], inline: "echo 2 > /etc/both" }
`);
  for (const built of [['one', 'two'], []]) {
    const result = await project.build();
    expect(result.code).toBe(1);
    expect(result.built.filter((name) => name !== 'source').toSorted()).toEqual(built);
  }
  const plain = await project.run('build', '--ui=plain');
  expect(plain.stderr).toContain('one and two do not see each other, and both change /etc/both');
});
