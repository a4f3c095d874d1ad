import { describe, expect, test } from 'vitest';
import type { LockedArchive } from '../../../src/model/archive.ts';
import { bootstrapSource, type BootstrapOptions } from '../../../src/sources/bootstrap.ts';
import { formatDeb822, parseDeb822, parseOneLine } from '../../../src/sources/bootstrap/apt-sources.ts';
import { lockSources } from '../../../src/sources/bootstrap/lock-archive.ts';
import { archivesAt, bootstrapArchives, mirrorSources } from '../../../src/sources/bootstrap/references.ts';
import { optionsOf } from '../../rigs/kind-options.ts';

const options = (given: Record<string, unknown>) =>
  optionsOf(bootstrapSource, { suite: 'bookworm', ...given }) as BootstrapOptions;
const amd64 = { architecture: 'amd64' } as const;

describe('the archives of a bootstrap', () => {
  test('are named by the options alone, each architecture by itself', () => {
    const names = (given: Record<string, unknown>, architecture: 'amd64' | 'arm64' = 'amd64') =>
      bootstrapArchives(options(given), { architecture }).map(({ name }) => name);
    expect(names({})).toEqual(['debian bookworm main (amd64)']);
    expect(names({ components: ['main', 'contrib'] }, 'arm64')).toEqual([
      'debian bookworm main contrib (arm64)',
    ]);
    expect(names({ suite: 'noble' })).toEqual(['ubuntu noble main (amd64)']);
    expect(names({ mirrors: ['http://a.example/debian'] })).toEqual([
      'http://a.example/debian bookworm main (amd64)',
    ]);
  });

  test('a password in an address is in no name', () => {
    const [, reference] = [
      0,
      archivesAt(parseOneLine('deb http://me:secret@a.example/d stable main'), 'amd64'),
    ];
    expect(JSON.stringify(reference)).not.toContain('secret');
  });

  test('of a snapshot: its time in the address, and no check of its date', () => {
    const snapshot = options({
      mirrors: [
        'http://s.example/debian/{snapshot}',
        'deb http://s.example/security/{snapshot} bookworm-security main',
      ],
      snapshot: '20250520T000000Z',
    });
    expect(mirrorSources(snapshot)).toEqual([
      {
        uris: ['http://s.example/debian/20250520T000000Z'],
        suites: ['bookworm'],
        components: ['main'],
        checkValidUntil: false,
      },
      {
        uris: ['http://s.example/security/20250520T000000Z'],
        suites: ['bookworm-security'],
        components: ['main'],
        checkValidUntil: false,
      },
    ]);
    const text = formatDeb822(mirrorSources(snapshot) ?? []);
    expect(text).toContain('Check-Valid-Until: no\n');
    expect(parseDeb822(text)).toEqual(mirrorSources(snapshot));
    expect(parseOneLine('deb [check-valid-until=no] http://a x main')).toMatchObject([
      { checkValidUntil: false },
    ]);
    expect(bootstrapArchives(snapshot, amd64)[0]?.name).toContain('20250520T000000Z bookworm main');
  });

  test.each([
    { snapshot: '20250520T000000Z' },
    { mirrors: ['http://s.example/{snapshot}'] },
    { snapshot: 'yesterday' },
  ])('%j is half a snapshot and refused', (given) => {
    expect(() => options(given)).toThrow(/snapshot/);
  });
});

describe('a bootstrap in a locked state', () => {
  const release = (suite: string, uri = 'http://lock.example/debian') => ({
    uri,
    suite,
    components: ['main'],
    date: '2026-01-01T00:00:00Z',
    release: `sha256:${'0'.repeat(64)}`,
    content: `sha256:${'1'.repeat(64)}`,
  });
  const locked: LockedArchive = {
    resolved: '2026-01-01T00:00:00Z',
    releases: [
      release('bookworm'),
      release('bookworm-updates'),
      release('bookworm-security', 'http://lock.example/security'),
    ],
  };
  const host = (...suites: string[]) => [
    { uris: ['http://host.example/debian'], suites, components: ['main'], signedBy: '/k' },
  ];

  test('downloads from the host, which the image does not name', () => {
    const sources = host('bookworm', 'bookworm-updates', 'bookworm-security', 'bookworm-proposed');
    const { download, image, releases } = lockSources({ distribution: 'debian', sources }, [locked], false);
    expect(download).toEqual(host('bookworm', 'bookworm-updates', 'bookworm-security'));
    expect(image?.map(({ uris, suites }) => [...uris, ...suites])).toEqual([
      ['http://lock.example/debian', 'bookworm', 'bookworm-updates'],
      ['http://lock.example/security', 'bookworm-security'],
    ]);
    expect(image?.[0]?.signedBy).toBe('/usr/share/keyrings/debian-archive-keyring.gpg');
    expect(new Set(releases.map(({ uri }) => uri))).toEqual(new Set(['http://host.example/debian']));
  });

  test('downloads from the addresses of the lock where the host lacks a suite, or has no archive', () => {
    for (const sources of [host('bookworm'), undefined]) {
      const { download, image, releases } = lockSources({ distribution: 'debian', sources }, [locked], false);
      expect(download).toEqual(image);
      expect(releases).toEqual(locked.releases);
    }
  });

  test('without a lock both are the chosen archive', () => {
    const sources = host('bookworm');
    expect(lockSources({ distribution: 'debian', sources }, undefined, false)).toEqual({
      download: sources,
      image: sources,
      releases: [],
    });
  });
});
