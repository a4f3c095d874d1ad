import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareImage } from '../../../src/builders/docker/base-image.ts';
import { runArguments } from '../../../src/builders/docker/container.ts';
import { DaemonStore } from '../../../src/builders/docker/daemon-store.ts';
import { dockerBuilder } from '../../../src/builders/docker/docker-builder.ts';
import { openDockerDriver } from '../../../src/builders/docker/driver.ts';
import { type DockerBuilderOptions, dockerBuilderSchema } from '../../../src/builders/docker/options.ts';
import type { DriverContext } from '../../../src/builders/machine-builder.ts';
import { DockerCli } from '../../../src/communicators/docker/docker-cli.ts';
import { loggedIn } from '../../../src/communicators/docker/registry-login.ts';
import { asDigest, type Digest } from '../../../src/model/ids.ts';
import { dockerImageSchema, dockerImageSource } from '../../../src/sources/docker-image.ts';
import { stepRunContext } from '../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const options = (given: Record<string, unknown> = {}): DockerBuilderOptions =>
  dockerBuilderSchema.parse(given);
const REQUEST = { image: 'sha256:1', name: 'n', shared: '/scratch' };

/** A docker program that writes its words and input down and answers by a shell script. */
function fakeDocker(script: string) {
  const folder = temporaryFolder();
  const program = join(folder, 'docker');
  const calls = join(folder, 'calls');
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${calls}\n${script}\n`);
  chmodSync(program, 0o755);
  return {
    cli: new DockerCli({ program, signal: new AbortController().signal }),
    program,
    folder,
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
  };
}

describe('docker run', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['as it is', {}, 'run --name n -v /scratch:/packer-files -d -i -t --entrypoint=/bin/sh -- sha256:1'],
    [
      'everything',
      {
        device: ['/dev/fuse'],
        cap_add: ['SYS_ADMIN', 'NET_ADMIN'],
        cap_drop: ['MKNOD'],
        privileged: true,
        runtime: 'runsc',
        platform: 'linux/arm64',
        tmpfs: ['/run'],
        volumes: { '/srv': '/mnt' },
        container_dir: '/files',
        run_command: ['-d', '--init', '{{ .Image }}', '{{ upper `x` }}'],
      },
      'run --name n --device /dev/fuse --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-drop MKNOD --privileged --runtime runsc --platform linux/arm64 --tmpfs /run -v /srv:/mnt -v /scratch:/files -d --init sha256:1 X',
    ],
  ])('%s', (_what, given, words) => {
    expect(runArguments(REQUEST, options(given)).join(' ')).toBe(words);
  });

  test('folders of the home', () => {
    const words = runArguments(REQUEST, options({ volumes: { '~/x': '/mnt' } }));
    expect(words[4]).toMatch(/^\/.*\/x:\/mnt$/);
  });
});

describe('what the daemon keeps', () => {
  const snapshotsOf = (known: Record<string, string>) => {
    const forgotten: Digest[] = [];
    const snapshots = {
      folder: () => '/store/snapshots/0',
      known: () =>
        Object.entries(known).map(([digest, image]) => ({
          digest: asDigest(digest),
          external: { image },
        })),
      forget: (digest: Digest) => {
        forgotten.push(digest);
        return Promise.resolve();
      },
    } as unknown as DriverContext['snapshots'];
    return { snapshots, forgotten };
  };

  test('lost images are forgotten; images without a snapshot and containers of dead processes go', async () => {
    const { snapshots, forgotten } = snapshotsOf({ 'sha256:a': 'sha256:11', 'sha256:b': 'sha256:22' });
    const plain = new DaemonStore(fakeDocker('').cli, snapshots);
    const [kept, waste, young] = [plain.newName(), plain.newName(), plain.newName()];
    const named = {
      ...snapshots,
      known: () => snapshots.known().map((one) => ({ ...one, external: { ...one.external, name: kept } })),
    };
    const mine = plain.containerName();
    const dead = mine.replace(/-\d+-([0-9a-f]{8})$/, '-1-$1');
    const old = '2026-01-01 10:00:00 +0100 CET';
    const docker = fakeDocker(
      [
        'case "$1" in',
        'image)',
        `  [ "$2" = ls ] && printf '%s\\t%s\\t%s\\n' sha256:11 ${kept} "${old}" sha256:33 ${waste} "${old}" sha256:44 ${young} "2026-01-02 12:30:00 +0000 UTC" sha256:55 imgpipe-snapshot/another:55 "${old}";;`,
        `container) printf '%s\\n' ${mine} ${dead} imgpipe-other-1-1-1;;`,
        'esac',
      ].join('\n'),
    );
    const store = new DaemonStore(docker.cli, named);
    await store.reconcile(Date.parse('2026-01-02T13:00:00Z'));
    await store.removeDeadContainers();
    expect(forgotten).toEqual(['sha256:b']);
    const changes = docker.calls().filter((call) => /^(rm|image rm)/.test(call));
    expect(changes.toSorted()).toEqual([`image rm ${waste}`, `rm --force --volumes ${dead}`]);
  });

  test('names are of one store', () => {
    const here = new DaemonStore(fakeDocker('').cli, snapshotsOf({}).snapshots);
    const there = new DaemonStore(fakeDocker('').cli, {
      ...snapshotsOf({}).snapshots,
      folder: () => '/another',
    });
    const name = here.newName();
    expect(name).toMatch(/^imgpipe-snapshot\/[0-9a-f]{12}:[0-9a-f]{24}$/);
    expect(here.newName()).not.toBe(name);
    expect(there.newName().split(':')[0]).not.toBe(name.split(':')[0]);
  });
});

describe('the image that a pipeline begins with', () => {
  const context = { log: () => undefined, output: () => undefined, resolvePath: (path: string) => path };
  const image = `debian@sha256:${'a'.repeat(64)}`;

  test('a name is pulled every time; a digest only until the daemon has it', async () => {
    const known = fakeDocker('echo sha256:1 web');
    for (const name of ['debian:bookworm', image])
      expect(await prepareImage(dockerImageSchema.parse({ image: name }), known.cli, context)).toEqual({
        id: 'sha256:1',
        user: 'web',
      });
    expect(known.calls().filter((call) => call.startsWith('pull'))).toEqual(['pull debian:bookworm']);
  });

  test('a digest that the daemon does not have is pulled', async () => {
    const folder = temporaryFolder();
    const unknown = fakeDocker(
      `case "$1" in pull) touch ${folder}/pulled;; *) test -e ${folder}/pulled && echo sha256:1;; esac`,
    );
    const { id } = await prepareImage(dockerImageSchema.parse({ image }), unknown.cli, context);
    expect(id).toBe('sha256:1');
    expect(unknown.calls().filter((call) => call.startsWith('pull'))).toEqual([`pull ${image}`]);
  });
});

describe('the docker program', () => {
  test('says what failed, and what is missing', async () => {
    const { cli } = fakeDocker('echo "Cannot connect to the Docker daemon at x." >&2; exit 1');
    await expect(cli.must(['ps'], 'Error listing containers')).rejects.toMatchObject({
      failures: [
        {
          reason: 'communicator-failed',
          message: expect.stringContaining('Error listing containers: exit status 1\nStderr: Cannot connect'),
          hint: expect.stringContaining('DOCKER_HOST'),
        },
      ],
    });
    const none = new DockerCli({ program: '/no/such/docker', signal: new AbortController().signal });
    await expect(none.run(['ps'])).rejects.toMatchObject({ failures: [{ reason: 'tool-missing' }] });
    const full = fakeDocker('echo "write: no space left on device" >&2; exit 1');
    await expect(full.cli.must(['commit'], 'x')).rejects.toMatchObject({
      failures: [{ reason: 'disk-full' }],
    });
  });

  test('a login: password over standard input, logout in any case', async () => {
    const docker = fakeDocker('[ "$1" = login ] && cat >> $(dirname "$0")/passwords; true');
    const output = (): void => undefined;
    const login = {
      login: true,
      login_username: 'me',
      login_password: 'geheim',
      login_server: 'r',
      ecr_login: false,
    };
    const failing = loggedIn(docker.cli, login, { log: output, output }, () =>
      Promise.reject(new Error('no')),
    );
    await expect(failing).rejects.toThrow('no');
    expect(docker.calls()).toEqual(['login -u me --password-stdin r', 'logout r']);
    expect(readFileSync(join(docker.folder, 'passwords'), 'utf8')).toBe('geheim');
    const amazon = loggedIn(docker.cli, { ...login, ecr_login: true }, { log: output, output }, () =>
      Promise.resolve(),
    );
    await expect(amazon).rejects.toMatchObject({
      failures: [{ message: expect.stringContaining('ecr_login') }],
    });
  });
});

test('volumes make steps untracked; the program and single_container are in no key', () => {
  const influence = (given: Record<string, unknown>) =>
    dockerBuilder.influence(options(given), stepRunContext());
  expect(influence({ volumes: { '/srv': '/mnt' } }).untracked).toContain('/srv');
  expect(influence({ docker_path: '/opt/docker', single_container: true })).toEqual(influence({}));
  expect(influence({ privileged: true })).not.toEqual(influence({}));
});

test('Windows containers are refused', () => {
  expect(() => openDockerDriver(options({ windows_container: true }), {} as DriverContext)).toThrow(
    /Windows/,
  );
});

test.each<[Record<string, unknown>, RegExp]>([
  [{}, /exactly one of image and build/],
  [{ image: 'a', build: { path: 'Dockerfile' } }, /exactly one of image and build/],
  [{ build: { build_dir: '.' } }, /Dockerfile must be named/],
  [{ image: 'a', ecr_login: true }, /login server/],
])('source docker-image refuses %j', (given, message) => {
  expect(dockerImageSource.schema.safeParse(given).error?.message).toMatch(message);
});
