import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageKind } from '../../../src/provisioners/package.ts';
import { armoured } from '../../../src/provisioners/package/armour.ts';
import { sourcesStanza } from '../../../src/provisioners/package/apt-files.ts';
import { AptProgress } from '../../../src/provisioners/package/apt-progress.ts';
import { aptConfig } from '../../../src/provisioners/package/apt-script.ts';
import { wantedPackage } from '../../../src/provisioners/package/run.ts';
import { FakeMachine, stepRunContext, type ScriptedAnswer } from '../../rigs/fake-machine.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const DEBIAN = { '/etc/os-release': 'ID=debian\nVERSION_CODENAME=bookworm\n' };

async function run(
  options: Record<string, unknown>,
  answers: readonly ScriptedAnswer[] = [],
  directory?: string,
) {
  const machine = new FakeMachine(DEBIAN, answers);
  const result = await packageKind.run?.(optionsOf(packageKind, options), machine, stepRunContext(directory));
  const script = machine.commands.at(-1)?.argv[2] ?? '';
  return {
    machine,
    result,
    actions: script.split('\n').filter((line) => /^(refresh_lists )?apt-(get|mark)/.test(line)),
  };
}

test('index and installation are one program; removing comes after', async () => {
  const { actions, machine } = await run({
    install: ['nginx', 'curl=7.*'],
    purge: ['exim4'],
    remove: ['nano'],
    autoremove: true,
    hold: ['nginx'],
    upgrade: true,
  });
  expect(machine.commands).toHaveLength(1);
  expect(actions.map((line) => line.replace('apt-get -c /run/imgpipe/apt.conf', 'apt'))).toEqual([
    'refresh_lists apt update',
    'apt dist-upgrade',
    "apt install --allow-downgrades -- nginx 'curl=7.*'",
    'apt remove -- nano',
    'apt purge -- exim4',
    'apt autoremove',
    'apt-mark hold -- nginx',
  ]);
  expect((await run({ install: ['nginx'], update: false })).actions).toHaveLength(1);
  // Without something to install the index is of no use, and the step needs no network.
  expect((await run({ purge: ['exim4'] })).actions).toEqual([expect.stringContaining('purge')]);
  expect((await run({ install: ['nginx'], targetRelease: 'bookworm-backports' })).actions[1]).toContain(
    ' -t bookworm-backports ',
  );
});

test('downloads go to the cache mount, settings to memory', async () => {
  const { machine } = await run({ install: ['nginx'] });
  expect(machine.commands[0]?.mounts).toMatchObject([
    { type: 'cache', id: 'apt-debian', target: '/run/imgpipe/apt' },
    {
      type: 'secret',
      target: '/run/imgpipe/apt.conf',
      value: expect.stringContaining('APT::Install-Recommends "false"'),
    },
    { type: 'secret', target: '/run/imgpipe/archives', value: '' },
  ]);
});

test('settings of the host come last and cannot break out of their quotes', () => {
  const request = {
    ...optionsOf(packageKind, { install: ['x'] }),
    recommends: true,
    install: [],
    repositories: [],
  };
  const text = aptConfig(request as unknown as Parameters<typeof aptConfig>[0], 'run-1', [
    { name: 'Acquire::http::Proxy', value: 'http://p"; evil "' },
  ]);
  expect(text).toContain('Dir::Cache::archives "/run/imgpipe/apt/run-1/archives/"');
  expect(text).toContain('APT::Install-Recommends "true"');
  expect(text.trimEnd().endsWith('Acquire::http::Proxy "http://p; evil ";')).toBe(true);
});

test('a repository brings its key, as armour, and a deb822 file', async () => {
  const directory = temporaryFolder();
  writeFileSync(join(directory, 'vendor.gpg'), Buffer.from([0x99, 1, 2, 3]));
  const repository = {
    name: 'vendor',
    uris: ['https://packages.example.org/debian'],
    suites: ['stable'],
    key: 'vendor.gpg',
  };
  const { machine } = await run({ repositories: [repository], install: ['x'] }, [], directory);
  expect(machine.files.get('/etc/apt/sources.list.d/vendor.sources')?.content).toBe(
    'Types: deb\nURIs: https://packages.example.org/debian\nSuites: stable\nComponents: main\nSigned-By: /etc/apt/keyrings/vendor.asc\n',
  );
  expect(machine.files.get('/etc/apt/keyrings/vendor.asc')?.content).toMatch(
    /^-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQECAw==\n=/,
  );
  expect(
    sourcesStanza({ name: 'f', uris: ['https://a'], suites: ['./'], components: ['main'] }, undefined),
  ).not.toContain('Components');
});

test('armour carries the checksum of RFC 4880 and leaves armour alone', () => {
  // The empty text's checksum is the start value.
  expect(armoured(new Uint8Array())).toContain('=twTO\n');
  const text = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n';
  expect(armoured(Buffer.from(text))).toBe(text);
});

test('preferences and answers', async () => {
  const { machine } = await run({
    install: ['x'],
    preferences: [{ package: 'nginx*', pin: 'release a=backports', priority: 900 }],
    debconf: [{ package: 'tzdata', question: 'tzdata/Areas', type: 'select', value: 'Europe' }],
  });
  expect(machine.files.get('/etc/apt/preferences.d/50-imgpipe-nginx-.pref')?.content).toBe(
    'Package: nginx*\nPin: release a=backports\nPin-Priority: 900\n',
  );
  expect(machine.commands[0]?.stdin).toBe('tzdata tzdata/Areas select Europe\n');
});

test.each([
  [
    'E: Unable to locate package ngnix',
    'package "ngnix" does not exist in the configured archives',
    'Did you mean "nginx"?',
  ],
  [
    "Package ngnix is not available\nE: Package 'ngnix' has no installation candidate",
    'package "ngnix" does not exist in the configured archives',
    'Did you mean "nginx"?',
  ],
  [
    "E: Version '9' for 'curl' was not found",
    'package "curl" has no version "9" in the configured archives',
    'There is 7.88.1-10.',
  ],
  [
    "Err:1 http://a.invalid stable InRelease\n  Temporary failure resolving 'a.invalid'\nE: Failed to fetch http://a.invalid/x  Temporary failure resolving 'a.invalid'",
    'the archive at a.invalid cannot be reached: its name is not found',
    'Check the network',
  ],
  [
    "W: GPG error: http://a InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0123456789ABCDEF\nE: The repository 'http://a InRelease' is not signed.",
    'an archive is signed by the key 0123456789ABCDEF, which is not known',
    '`key`',
  ],
  [
    'The following packages have unmet dependencies:\n x : Depends: y (>= 2) but 1 is to be installed\nE: Unable to correct problems',
    'the packages cannot be installed together: x : Depends: y (>= 2) but 1 is to be installed',
    undefined,
  ],
  [
    'dpkg: error processing package nginx (--configure):\n installed nginx package post-installation script subprocess returned error exit status 1',
    'the package nginx failed to configure',
    'own scripts',
  ],
  ['something else', 'apt ended with exit code 100', undefined],
])('%j is explained', async (stderr, message, hint) => {
  const { result } = await run({ install: ['x'] }, [
    { when: /pkgnames/, stdout: 'nginx\nsudo\n' },
    { when: /madison/, stdout: ' curl | 7.88.1-10 | http://a bookworm/main amd64 Packages\n' },
    { when: /apt-get/, code: 100, stderr },
  ]);
  const [failure] = failuresOf(result);
  expect(failure).toMatchObject({ reason: 'package-failed', message });
  if (hint !== undefined) expect(failure?.hint).toContain(hint);
});

test('an image of another family or without os-release is refused with what there is', async () => {
  const machine = new FakeMachine({ '/etc/os-release': 'ID=fedora\n' });
  const options = optionsOf(packageKind, { install: ['x'] });
  expect(failuresOf(await packageKind.run?.(options, machine, stepRunContext()))).toMatchObject([
    {
      message: 'no package manager is known for the distribution "fedora"',
      hint: 'Set `manager` to one of: apt.',
    },
  ]);
  expect(failuresOf(await packageKind.run?.(options, new FakeMachine(), stepRunContext()))).toMatchObject([
    { reason: 'package-failed' },
  ]);
});

test('versions are split at the first equals sign', () => {
  expect(wantedPackage('a=1:2=3')).toEqual({ name: 'a', version: '1:2=3' });
  expect(wantedPackage({ name: 'a' })).toEqual({ name: 'a' });
});

test('progress counts packages that are unpacked and set up', () => {
  const seen: [number, number][] = [];
  const progress = new AptProgress((done, total) => seen.push([done, total]));
  for (const line of [
    'Unpacking early (1) ...',
    '1 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.',
    'Unpacking a (1) ...',
    'Unpacking b (1) over (0) ...',
    'Setting up a (1) ...',
    'Setting up b (1) ...',
    'Setting up late (1) ...',
  ]) {
    progress.line(line);
  }
  expect(seen).toEqual([
    [0, 2],
    [1, 2],
    [1, 2],
    [2, 2],
    [2, 2],
  ]);
});
