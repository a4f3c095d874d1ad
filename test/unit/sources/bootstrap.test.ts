import { expect, test } from 'vitest';
import { bootstrapSource } from '../../../src/sources/bootstrap.ts';
import {
  formatDeb822,
  parseDeb822,
  parseOneLine,
  type AptSource,
} from '../../../src/sources/bootstrap/apt-sources.ts';
import { chooseArchive } from '../../../src/sources/bootstrap/choose-archive.ts';
import { bootstrapFailure } from '../../../src/sources/bootstrap/errors.ts';
import { sourcesFor } from '../../../src/sources/bootstrap/host-sources.ts';
import { BootstrapProgress } from '../../../src/sources/bootstrap/progress.ts';
import type { BootstrapOptions } from '../../../src/sources/bootstrap.ts';
import { hostProxyEnvironment } from '../../../src/util/host-apt.ts';
import { stepRunContext } from '../../rigs/fake-machine.ts';
import { optionsOf } from '../../rigs/kind-options.ts';

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

test('one-line entries', () => {
  const text = [
    '# deb http://commented.example bookworm main',
    'deb http://a.example/debian bookworm main contrib # the base',
    'deb-src http://a.example/debian bookworm main',
    'deb [arch=amd64,i386 signed-by=/k.gpg trusted=yes] https://b.example stable main',
    'deb cdrom:[x]/ bookworm main',
  ].join('\n');
  expect(parseOneLine(text)).toEqual([
    { uris: ['http://a.example/debian'], suites: ['bookworm'], components: ['main', 'contrib'] },
    {
      uris: ['https://b.example'],
      suites: ['stable'],
      components: ['main'],
      architectures: ['amd64', 'i386'],
      signedBy: '/k.gpg',
      trusted: true,
    },
    expect.anything(),
  ]);
});

test('deb822 entries: comments, several values, disabled ones, and back again', () => {
  const text = `Types: deb deb-src
# a comment in the middle
URIs: http://a.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: ${DEBIAN_KEYRING}

Types: deb
URIs: http://b.example
Suites: x
Components: main
Enabled: no

Types: deb-src
URIs: http://c.example
Suites: x
Components: main
`;
  const [only, ...rest] = parseDeb822(text);
  expect(rest).toEqual([]);
  expect(only).toEqual({
    uris: ['http://a.example/debian'],
    suites: ['bookworm', 'bookworm-updates'],
    components: ['main'],
    signedBy: DEBIAN_KEYRING,
  });
  expect(parseDeb822(formatDeb822(only === undefined ? [] : [only, only]))).toEqual([only, only]);
});

const base: AptSource = {
  uris: ['http://a.example/debian'],
  suites: ['bookworm', 'bookworm-updates', 'bookworm-backports'],
  components: ['main', 'contrib'],
  signedBy: DEBIAN_KEYRING,
};
const security: AptSource = {
  uris: ['http://a.example/security'],
  suites: ['bookworm-security'],
  components: ['main'],
};
const vendor: AptSource = { uris: ['http://vendor.example'], suites: ['bookworm'], components: ['stable'] };
const signedVendor: AptSource = {
  uris: ['http://other.example'],
  suites: ['bookworm'],
  components: ['main'],
  signedBy: '/usr/share/keyrings/other.gpg',
};
const wanted = {
  suite: 'bookworm',
  distribution: 'debian',
  components: ['main'],
  architecture: 'amd64',
} as const;

test('of the host come the release, its updates and security, and no vendor that uses the same name', () => {
  expect(sourcesFor(wanted, [vendor, base, signedVendor, security])).toEqual([
    { ...base, suites: ['bookworm', 'bookworm-updates'], components: ['main'] },
    { ...security, signedBy: DEBIAN_KEYRING },
  ]);
});

test('a host that has only parts of the release, or another, gives nothing', () => {
  expect(sourcesFor(wanted, [security, vendor])).toBeUndefined();
  expect(sourcesFor({ ...wanted, suite: 'trixie' }, [base, security])).toBeUndefined();
  expect(sourcesFor(wanted, [{ ...base, architectures: ['arm64'] }])).toBeUndefined();
});

const choose = (
  options: Record<string, unknown>,
  sources: readonly AptSource[] = [],
  exists: (path: string) => boolean = () => true,
) =>
  chooseArchive(optionsOf(bootstrapSource, options) as BootstrapOptions, stepRunContext('/t'), {
    sources: () => Promise.resolve(sources),
    exists: (path) => Promise.resolve(exists(path)),
  });

test('mirrors of the template win; else the host; else mmdebstrap', async () => {
  expect(await choose({ suite: 'bookworm', mirrors: ['http://m.example/debian'] }, [base])).toEqual({
    distribution: 'debian',
    sources: [
      {
        uris: ['http://m.example/debian'],
        suites: ['bookworm'],
        components: ['main'],
        signedBy: DEBIAN_KEYRING,
      },
    ],
  });
  expect((await choose({ suite: 'bookworm' }, [base])).sources).toHaveLength(1);
  expect((await choose({ suite: 'trixie' }, [base])).sources).toBeUndefined();
});

test('a keyring of the template signs everything but what is said to be trusted', async () => {
  const mirrors = ['http://m.example', 'deb [trusted=yes] http://local.example ./'];
  expect(await choose({ suite: 'mine', mirrors, keyring: 'keys/own.gpg' })).toMatchObject({
    distribution: undefined,
    ownKeyring: '/t/keys/own.gpg',
    sources: [{ signedBy: '/t/keys/own.gpg' }, { trusted: true, suites: ['./'] }],
  });
});

test('a missing keyring names the package that has it', async () => {
  await expect(choose({ suite: 'noble' }, [], () => false)).rejects.toMatchObject({
    failures: [
      {
        reason: 'source-failed',
        message: expect.stringContaining('ubuntu-archive-keyring.gpg'),
        hint: expect.stringContaining('package ubuntu-keyring'),
      },
    ],
  });
  await expect(choose({ suite: 'bookworm', keyring: 'own.gpg' }, [], () => false)).rejects.toMatchObject({
    failures: [{ reason: 'input-missing', message: 'keyring: /t/own.gpg does not exist' }],
  });
});

test('an unknown release names the nearest', async () => {
  await expect(choose({ suite: 'bokworm' })).rejects.toMatchObject({
    failures: [
      {
        reason: 'source-failed',
        message: expect.stringContaining('"bokworm"'),
        hint: 'Did you mean "bookworm"?',
      },
    ],
  });
});

test.each([
  ['sh: mmdebstrap: not found', 'tool-missing', 'mmdebstrap is not installed'],
  [
    'E: install arch-test for foreign architecture support',
    'tool-missing',
    'this host cannot run programs of the architecture of the image',
  ],
  [
    'E: arm64 can neither be executed natively nor via qemu user emulation with binfmt_misc',
    'tool-missing',
    'this host cannot run programs of the architecture of the image',
  ],
  [
    "E: The repository 'http://a.example/debian bookwrm Release' does not have a Release file.",
    'source-failed',
    'the archive http://a.example/debian has no release "bookwrm"',
  ],
  [
    'E: Unable to locate package nope\nE: apt-get failed',
    'source-failed',
    'package "nope" does not exist in bookworm (main)',
  ],
  [
    "E: Failed to fetch x  Temporary failure resolving 'a.example'",
    'source-failed',
    'the archive at a.example cannot be reached: its name is not found',
  ],
  [
    'I: one\nE: setup failed: something\nI: cleaning up',
    'source-failed',
    'mmdebstrap: setup failed: something',
  ],
  ['', 'source-failed', 'mmdebstrap ended with exit code 1'],
])('%j is explained', (text, reason, message) => {
  const options = optionsOf(bootstrapSource, { suite: 'bookworm' }) as BootstrapOptions;
  expect(bootstrapFailure({ type: 'exited', code: 1 }, text.split('\n'), options)).toMatchObject({
    reason,
    message,
  });
});

test('progress follows the stages', () => {
  const seen: number[] = [];
  const progress = new BootstrapProgress((done) => seen.push(done));
  for (const line of [
    'I: running apt-get update...',
    'Get:1 downloading packages with apt',
    'I: extracting archives...',
    'I: something else',
  ])
    progress.line(line);
  expect(seen).toEqual([0, 2]);
});

test('proxies of the environment, in either case', () => {
  expect(hostProxyEnvironment({ HTTP_PROXY: 'http://p', no_proxy: 'localhost', https_proxy: '' })).toEqual({
    http_proxy: 'http://p',
    no_proxy: 'localhost',
  });
});
