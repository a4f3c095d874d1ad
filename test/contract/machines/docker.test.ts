import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerCli } from '../../../src/communicators/docker/docker-cli.ts';
import { DockerCommunicator } from '../../../src/communicators/docker/docker-communicator.ts';
import { CliProject } from '../../rigs/cli.ts';
import { DockerDaemon, noDockerd } from '../../rigs/dockerd.ts';
import { startRegistry } from '../../rigs/registry.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { smallRoot } from '../../rigs/workspace.ts';

interface Step {
  readonly name: string;
  readonly run: string;
}

const template = (steps: readonly Step[], more: { exports?: string; builder?: string } = {}): string =>
  [
    `builder: { type: docker${more.builder ?? ''} }`,
    `source: { type: docker-image, image: 'base:1', pull: false }`,
    'steps:',
    ...steps.map(
      ({ name, run }) => `  - { type: packer-shell, name: ${name}, inline: [${JSON.stringify(run)}] }`,
    ),
    `exports: [${more.exports ?? `{ type: docker-commit, changes: ['USER web'], author: me, message: done }`}]`,
    '',
  ].join('\n');

describe.skipIf(noDockerd !== undefined)(
  `builder docker${noDockerd === undefined ? '' : ` (skipped: ${noDockerd})`}`,
  () => {
    let daemon: DockerDaemon;

    beforeAll(async () => {
      daemon = await DockerDaemon.start();
      const folder = mkdtempSync(join(tmpdir(), 'imgpipe-docker-'));
      mkdirSync(join(folder, 'tree'));
      execFileSync('sh', ['-ec', smallRoot()], { cwd: join(folder, 'tree') });
      execFileSync('tar', ['-C', join(folder, 'tree'), '-cf', join(folder, 'base.tar'), '.']);
      daemon.import(join(folder, 'base.tar'), 'base:1', 'CMD ["/bin/sh", "-l"]', 'ENV FROM=base');
      daemon.import(join(folder, 'base.tar'), 'user:1', 'USER web');
      rmSync(folder, { recursive: true });
    }, 60_000);

    afterAll(async () => {
      await daemon[Symbol.asyncDispose]();
    }, 60_000);

    const project = (text: string): CliProject => {
      const made = new CliProject({ 'pipelines/p.yaml': text });
      Object.assign(made.env, daemon.env);
      return made;
    };
    const images = (): string[] => [
      ...new Set(daemon.docker('image', 'ls', '--all', '--no-trunc', '--quiet').split('\n')),
    ];
    const fileOf = (image: string, path: string): string => {
      const container = daemon.docker('create', '--entrypoint=/bin/sh', image);
      const folder = temporaryFolder();
      try {
        daemon.docker('cp', `${container}:${path}`, join(folder, 'file'));
        return readFileSync(join(folder, 'file'), 'utf8');
      } finally {
        daemon.docker('rm', container);
      }
    };
    const ABC = ['a', 'b', 'c'].map((name) => ({ name, run: `echo ${name} >> /log` }));

    test('keeps the state after every step, does nothing again, goes on from the deepest state, notices what is lost', async () => {
      const p = project(template(ABC));
      const before = new Set(images());
      const first = await p.build();
      expect(first.code, first.stderr).toBe(0);
      expect(first.built).toEqual(['source', 'a', 'b', 'c', 'docker-commit']);
      const image =
        images().find(
          (id) => !before.has(id) && daemon.docker('inspect', '--format', '{{.Config.User}}', id) === 'web',
        ) ?? '';
      expect(fileOf(image, '/log')).toBe('a\nb\nc\n');
      const config =
        '{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Env}} {{.Author}} {{.Comment}}';
      expect(daemon.docker('inspect', '--format', config, image)).toMatch(
        /^\["\/bin\/sh","-l"\] \[""\] \[.*"FROM=base".*\] me done$/,
      );
      expect(daemon.docker('ps', '-aq')).toBe('');

      const again = await p.build();
      // What the names stand for is asked every time; no container starts for it.
      expect(again.built).toEqual(['source', 'docker-commit']);
      expect(again.cached).toEqual(['a', 'b', 'c']);
      expect(daemon.docker('inspect', '--format', '{{.Id}}', image)).toBe(image);

      p.write('pipelines/p.yaml', template([...ABC.slice(0, 2), { name: 'c', run: 'echo changed >> /log' }]));
      const changed = await p.build();
      expect(changed.cached).toEqual(['a', 'b']);

      const snapshots = daemon
        .docker('image', 'ls', '--format', '{{.CreatedAt}} {{.Repository}}:{{.Tag}}')
        .split('\n')
        .flatMap((line) => /imgpipe-snapshot\S+/.exec(line) ?? []);
      expect(snapshots).toHaveLength(4);
      p.write('pipelines/p.yaml', template(ABC));
      daemon.docker('image', 'rm', '--force', image);
      const third = await p.build();
      expect(third.cached).toEqual(['a', 'b', 'c']);
      expect(third.code, third.stderr).toBe(0);
      // Those that stand on a state keep it from being lost.
      const results = images().filter(
        (id) => daemon.docker('inspect', '--format', '{{.Comment}}', id) === 'done',
      );
      for (const name of [...results, ...snapshots]) daemon.docker('image', 'rm', '--force', name);
      const lost = await p.build();
      expect(lost.code, lost.stderr).toBe(0);
      expect(lost.built).toContain('c');
    });

    test('a bill of materials of the image and of the exported files, read from the container', async () => {
      const status = 'Package: page\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 1.0\\n';
      const run = `mkdir -p /var/lib/dpkg; printf '${status}' > /var/lib/dpkg/status; echo x > /own`;
      const post = 'post: [{ type: sbom }]';
      const both = `{ type: docker-commit, ${post} }, { type: docker-export, export_path: web.tar, ${post} }`;
      const p = project(template([{ name: 'a', run }], { exports: both }));
      const { code, stderr } = await p.build();
      expect(code, stderr).toBe(0);
      const bills = ['p', 'web.tar'].map((name) => p.read(`output/p/${name}.spdx.json`));
      for (const bill of bills) {
        const { packages, files } = JSON.parse(bill) as {
          packages: { name: string; versionInfo?: string }[];
          files: { fileName: string }[];
        };
        expect(packages.map(({ name, versionInfo = '' }) => `${name} ${versionInfo}`)).toEqual([
          'p ',
          'page 1.0',
        ]);
        const names = files.map(({ fileName }) => fileName);
        expect(names).toEqual(expect.arrayContaining(['./own', './usr/bin/sh', './var/lib/dpkg/status']));
      }
      expect(daemon.docker('ps', '-aq')).toBe('');
    });

    test('an image that is pulled by its name is locked: no registry is asked before update', async () => {
      const { host, requests } = await startRegistry();
      const name = `${host}/team/base:1`;
      const publish = (text: string): void => {
        const made = daemon.docker(
          'run',
          '-d',
          '--entrypoint=/bin/sh',
          'base:1',
          '-c',
          `echo ${text} > /published`,
        );
        daemon.docker('wait', made);
        daemon.docker('commit', made, name);
        daemon.docker('push', '--quiet', name);
        daemon.docker('rm', made);
        daemon.docker('image', 'rm', name);
      };
      publish('one');
      const text = template([{ name: 'show', run: 'cat /published > /shown' }]);
      const p = project(text.replace(`image: 'base:1', pull: false`, `image: '${name}'`));
      const shown = (): string => {
        const result = images().find(
          (id) => daemon.docker('inspect', '--format', '{{.Comment}} {{.Author}}', id) === 'done me',
        );
        return result === undefined ? '' : fileOf(result, '/shown');
      };
      const forget = (): void => {
        for (const id of images())
          if (daemon.docker('inspect', '--format', '{{.Comment}}', id) === 'done')
            daemon.docker('image', 'rm', '--force', id);
      };
      forget();
      const first = await p.build();
      expect(first.code, first.stdout + first.stderr).toBe(0);
      expect(shown()).toBe('one\n');
      const lock = p.read('imgpipe.lock');
      expect(JSON.parse(lock)).toMatchObject({
        archives: {
          [`image ${name}`]: {
            releases: [{ uri: `${host}/team/base`, suite: '1', content: expect.stringMatching(/^sha256:/) }],
          },
        },
      });

      // Another image takes the name; the lock keeps the first one, and asks nobody.
      publish('two');
      const pushed = (): number =>
        requests().filter((request) => request.startsWith('PUT') && request.includes('/manifests/')).length;
      await expect.poll(pushed).toBe(2);
      const asked = requests().length;
      const again = await p.build();
      expect(again.code, again.stdout + again.stderr).toBe(0);
      expect(again.cached).toEqual(['show']);
      expect(requests().length).toBe(asked);
      expect(p.read('imgpipe.lock')).toBe(lock);

      // The daemon has lost it: the registry gives it by its digest.
      const digest = /sha256:[0-9a-f]{64}/.exec(lock)?.[0] ?? '';
      daemon.docker('image', 'rm', '--force', `${host}/team/base@${digest}`);
      expect((await p.build()).cached).toEqual(['show']);
      expect(requests().some((request) => request.includes(digest))).toBe(true);

      const moved = await p.run('update');
      expect(moved.code, moved.stderr).toBe(0);
      expect(moved.stdout).toContain(`image ${name}`);
      expect(p.read('imgpipe.lock')).not.toBe(lock);
      forget();
      const renewed = await p.build();
      expect(renewed.built).toContain('show');
      expect(shown()).toBe('two\n');
      // Nothing has moved since.
      const same = p.read('imgpipe.lock');
      expect((await p.run('update')).code).toBe(0);
      expect(p.read('imgpipe.lock')).toBe(same);
    });

    test('a step that changes nothing gives the state before it; one that fails leaves no container', async () => {
      const p = project(
        template([
          { name: 'a', run: 'echo a > /log' },
          { name: 'b', run: 'cat /log' },
          { name: 'c', run: 'echo $0 && exit 3' },
        ]),
      );
      const failed = await p.build();
      expect(failed.code).toBe(1);
      expect(failed.stdout + failed.stderr).toContain('Script exited with non-zero exit status: 3');
      expect(daemon.docker('ps', '-aq')).toBe('');
      p.write(
        'pipelines/p.yaml',
        template([
          { name: 'a', run: 'echo a > /log' },
          { name: 'b', run: 'ls /' },
          { name: 'c', run: 'cat /log' },
        ]),
      );
      const mended = await p.build();
      expect(mended.code, mended.stderr).toBe(0);
      // b ran and gave the same state, c ran for its own sake.
      expect(mended.cached).toEqual(['a']);
    });

    test('containers of a killed run are gone after the next', async () => {
      const p = project(template([{ name: 'a', run: 'echo ready; sleep 60' }]));
      const started = p.start(['build', '--ui=json']);
      await new Promise<void>((resolve) => {
        started.process.stdout?.on('data', (chunk: Buffer) => chunk.includes('ready') && resolve());
      });
      started.process.kill('SIGKILL');
      await started.result;
      expect(daemon.docker('ps', '-q')).not.toBe('');
      p.write('pipelines/p.yaml', template([{ name: 'a', run: 'true' }]));
      expect((await p.build()).code).toBe(0);
      expect(daemon.docker('ps', '-aq')).toBe('');
    });

    test('own step kinds, one container for all steps, and a tar as the result', async () => {
      const p = project('');
      p.write(
        'pipelines/p.yaml',
        `builder: { type: docker, single_container: true }
source: { type: docker-image, image: 'base:1', pull: false }
steps:
  - { type: shell, name: own, inline: 'echo "$FROM-$WORD" > /own', env: { WORD: w } }
  - { type: packer-shell, name: back, inline: ['sleep 50 & echo $! > /pid'] }
  - { type: packer-shell, name: still, inline: ['kill -0 $(cat /pid)'] }
exports: [{ type: docker-export, export_path: out/root.tar }]
`,
      );
      const built = await p.build();
      expect(built.code, built.stdout + built.stderr).toBe(0);
      expect(
        execFileSync('tar', ['-xOf', p.path('pipelines/out/root.tar'), 'own'], { encoding: 'utf8' }),
      ).toBe('-w\n');
      expect((await p.build()).built).toEqual(['source']);
      rmSync(p.path('pipelines/out/root.tar'));
      expect((await p.build()).built).toEqual(['source', 'docker-export']);
    });

    test('a system that is too small for a step says which program it misses', async () => {
      const steps = `steps:
  - { type: packer-shell, name: strip, inline: ['rm /usr/bin/ln'] }
  - { type: shell, name: own, inline: 'true' }
`;
      const p = project(`builder: { type: docker }
source: { type: docker-image, image: 'base:1', pull: false }
${steps}`);
      const built = await p.build();
      expect(built.code).toBe(1);
      expect(built.stdout + built.stderr).toContain('could not be prepared for /bin/sh: it has no ln;');
    });

    describe('communicator', () => {
      const open = async (image: string, options: { execUser?: string; fixUploadOwner?: boolean } = {}) => {
        const container = daemon.docker('run', '-d', '-i', '--entrypoint=/bin/sh', image);
        const env = process.env['DOCKER_HOST'];
        process.env['DOCKER_HOST'] = daemon.env['DOCKER_HOST'];
        const cli = new DockerCli({ program: 'docker', signal: new AbortController().signal });
        const communicator = new DockerCommunicator({
          cli,
          container: () => Promise.resolve(container),
          containerUser: daemon.docker('inspect', '--format', '{{.Config.User}}', container),
          pty: false,
          fixUploadOwner: true,
          ...options,
        });
        const run = async (command: string, stdin?: string) => {
          const said = { stdout: '', stderr: '' };
          const outcome = await communicator.run({
            command,
            ...(stdin === undefined ? {} : { stdin }),
            onOutput: ({ stream, text }) => {
              said[stream] += text;
            },
          });
          return { ...said, outcome };
        };
        const close = (): void => {
          daemon.docker('rm', '--force', container);
          if (env === undefined) delete process.env['DOCKER_HOST'];
          else process.env['DOCKER_HOST'] = env;
        };
        return { communicator, run, close };
      };

      test('commands: streams, exit codes, input, quotes, long ones; none is in a list of processes', async () => {
        const { run, close } = await open('base:1');
        try {
          expect(await run('echo out; echo err >&2; exit 7')).toEqual({
            stdout: 'out\n',
            stderr: 'err\n',
            outcome: { type: 'exited', code: 7 },
          });
          expect((await run('cat', 'given\n')).stdout).toBe('given\n');
          expect((await run(`echo "it's $((1+1))"`)).stdout).toBe("it's 2\n");
          expect((await run('env; cat /proc/1/cmdline')).stdout).not.toContain('IMGPIPE');
          expect((await run(`: ${'x'.repeat(200_000)}; echo long`)).stdout).toBe('long\n');
        } finally {
          close();
        }
      });

      test('a script at once: brought in, run, deleted; where that does not go, nothing happens', async () => {
        const { communicator, run, close } = await open('base:1');
        const said: string[] = [];
        const onOutput = ({ stream, text }: { stream: string; text: string }): void =>
          void said.push(`${stream} ${text}`);
        const script = {
          content: Buffer.from('echo "é $0 $#"; echo err >&2; ls -ln $0; exit ${CODE:-0}\n'),
          path: '/tmp/one.sh',
          mode: 0o755,
          remove: true,
        };
        const there = async (): Promise<number> => {
          const { outcome } = await run('test -e /tmp/one.sh');
          return outcome.type === 'exited' ? outcome.code : -1;
        };
        try {
          const command = "chmod +x /tmp/one.sh; WHO='it is' /tmp/one.sh";
          const done = await communicator.runScript(script, { command, onOutput });
          expect(done).toEqual({ outcome: { type: 'exited', code: 0 }, removed: true });
          expect(said.join('')).toMatch(/stdout é \/tmp\/one\.sh 0\n/);
          expect(said.join('')).toMatch(/-rwxr-xr-x +1 0 +0 /);
          expect(said.join('')).toContain('stderr err\n');
          expect(await there()).toBe(1);
          const kept = await communicator.runScript({ ...script, remove: false }, { command, onOutput });
          expect(kept).toEqual({ outcome: { type: 'exited', code: 0 }, removed: false });
          expect(await there()).toBe(0);
          const failed = await communicator.runScript(script, {
            command: `CODE=7 ${command.slice(-11)}`,
            onOutput,
          });
          expect(failed).toEqual({ outcome: { type: 'exited', code: 7 }, removed: false });
          expect(await there()).toBe(0);
          expect((await run('env')).stdout).not.toContain('IMGPIPE');
          said.length = 0;
          const lost = await communicator.runScript(
            { ...script, path: '/none/one.sh' },
            { command: 'echo ran', onOutput },
          );
          expect(lost).toBeUndefined();
          expect(said).toEqual([]);
          const stays = await communicator.runScript(script, {
            command: 'rm /tmp/one.sh; mkdir -p /tmp/one.sh/x',
            onOutput,
          });
          expect(stays).toEqual({ outcome: { type: 'exited', code: 0 }, removed: false });
          expect(said).toEqual([]);
          for (const content of [Buffer.from([0x65, 0]), Buffer.from([0xe9]), Buffer.alloc(200_000, 'x')])
            expect(
              await communicator.runScript({ ...script, content }, { command, onOutput }),
            ).toBeUndefined();
        } finally {
          close();
        }
        const other = await open('base:1', { execUser: '44', fixUploadOwner: false });
        try {
          expect(await other.communicator.runScript(script, { command: 'true', onOutput })).toBeUndefined();
        } finally {
          other.close();
        }
      });

      test('files: modes, owners, folders, what is not there', async () => {
        const { communicator, run, close } = await open('base:1');
        const folder = temporaryFolder();
        try {
          writeFileSync(join(folder, 'script'), 'x', { mode: 0o755 });
          mkdirSync(join(folder, 'tree', 'deep'), { recursive: true });
          writeFileSync(join(folder, 'tree', 'deep', 'file'), 'deep');
          await communicator.uploadFile({ path: join(folder, 'script') }, '/tmp/script');
          await communicator.uploadFile({ content: '' }, '/tmp/empty', { mode: 0o640 });
          await communicator.uploadFile({ content: Buffer.from([0, 255, 10]) }, '/tmp/bytes');
          await communicator.uploadTree(join(folder, 'tree'), '/srv');
          const listed = (await run('ls -ln /tmp /srv/deep')).stdout;
          expect(listed).toMatch(/-rwxr-xr-x +1 0 +0 +1 .* script/);
          expect(listed).toMatch(/-rw-r----- +1 0 +0 +0 .* empty/);
          expect(await communicator.readFile('/tmp/bytes')).toEqual(Buffer.from([0, 255, 10]));
          expect(await communicator.readFile('/no/such/file')).toBeUndefined();
          await communicator.downloadFile('/srv/deep/file', join(folder, 'back'));
          expect(readFileSync(join(folder, 'back'), 'utf8')).toBe('deep');
          await communicator.downloadTree('/srv/', join(folder, 'trees', 'back'));
          expect(existsSync(join(folder, 'trees', 'back', 'deep', 'file'))).toBe(true);
          await expect(communicator.downloadFile('/none', join(folder, 'x'))).rejects.toThrow(/none/);
          await expect(communicator.uploadFile({ content: 'x' }, '/no/folder/x')).rejects.toMatchObject({
            failures: [{ reason: 'communicator-failed', message: expect.stringContaining('/no/folder/x') }],
          });
        } finally {
          close();
        }
      });

      test("uploads belong to the image's user; commands run as told", async () => {
        const mine = await open('user:1');
        try {
          await mine.communicator.uploadFile({ content: 'x' }, '/tmp/x');
          expect((await mine.run('ls -ln /tmp/x; id -u')).stdout).toMatch(/ 33 .*\n33\n$/s);
        } finally {
          mine.close();
        }
        const other = await open('base:1', { execUser: '44', fixUploadOwner: false });
        try {
          expect((await other.run('id -u')).stdout).toBe('44\n');
        } finally {
          other.close();
        }
      });
    });
  },
);
