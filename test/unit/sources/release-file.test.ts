import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  contentDigest,
  indexPattern,
  releaseContent,
  releaseDate,
  RELEASE_CONTENT,
} from '../../../src/sources/archive/release-file.ts';
import { releaseFolder, withoutUser } from '../../../src/sources/archive/release-folder.ts';

const release = (
  changes: { date?: string; main?: string; contrib?: string; signature?: string } = {},
) => `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: stable
Version: 12.5
Date: ${changes.date ?? 'Sat, 10 Feb 2024 11:07:25 UTC'}
Valid-Until: ${changes.date ?? 'Sat, 17 Feb 2024 11:07:25 UTC'}
Components: main contrib non-free-firmware
MD5Sum:
 0ed6d4c8891eb86358b94bb35d9e4da4  1484322 contrib/Contents-amd64
SHA256:
 ${changes.main ?? 'aaaa'}  10 main/binary-amd64/Packages
 bbbb  11 main/binary-amd64/Packages.xz
 cccc  12 main/binary-all/Packages
 dddd  13 main/binary-arm64/Packages
 ${changes.contrib ?? 'eeee'}  14 contrib/binary-amd64/Packages
 ffff  15 main/Contents-amd64
-----BEGIN PGP SIGNATURE-----

${changes.signature ?? 'iQIzBAEBCAAdFiEE'}
-----END PGP SIGNATURE-----
`;

const MAIN = indexPattern('stable', ['main'], 'amd64');

describe('what a Release file says of the indices that are read', () => {
  test('is its fields without dates, and their digests', () => {
    expect(releaseContent(release(), MAIN)).toBe(
      'Origin: Debian\nSuite: stable\nVersion: 12.5\nComponents: main contrib non-free-firmware\n' +
        'aaaa main/binary-amd64/Packages\nbbbb main/binary-amd64/Packages.xz\ncccc main/binary-all/Packages\n',
    );
  });

  test('stays when it is signed anew, or another component moves', () => {
    const digest = contentDigest(release(), MAIN);
    expect(contentDigest(release({ date: 'Sun, 11 Feb 2024 11:07:25 UTC', signature: 'other' }), MAIN)).toBe(
      digest,
    );
    expect(contentDigest(release({ contrib: '0000' }), MAIN)).toBe(digest);
    expect(contentDigest(release({ main: '0000' }), MAIN)).not.toBe(digest);
    const both = indexPattern('stable', ['main', 'contrib'], 'amd64');
    expect(contentDigest(release({ contrib: '0000' }), both)).not.toBe(contentDigest(release(), both));
  });

  test('is the same in awk', () => {
    for (const text of [release(), release({ main: '0000' }), release().replaceAll('\n', '\r\n')]) {
      const output = execFileSync('awk', ['-v', `indices=${MAIN}`, RELEASE_CONTENT], {
        input: text,
        encoding: 'utf8',
      });
      expect(output).toBe(releaseContent(text, MAIN));
    }
  });

  test('a flat archive has one index', () => {
    const flat =
      'Origin: x\nDate: Sat, 10 Feb 2024 11:07:25 UTC\nSHA256:\n aa 1 Packages\n bb 2 ./Packages.gz\n cc 3 Sources\n';
    expect(releaseContent(flat, indexPattern('./', [], 'amd64'))).toBe(
      'Origin: x\naa Packages\nbb ./Packages.gz\n',
    );
  });

  test('letters of a component mean themselves', () => {
    const pattern = new RegExp(indexPattern('stable', ['a+b'], 'amd64'));
    expect(pattern.test('a+b/binary-amd64/Packages')).toBe(true);
    expect(pattern.test('aab/binary-amd64/Packages')).toBe(false);
  });
});

test('the date of a Release file', () => {
  expect(releaseDate(release())).toBe('2024-02-10T11:07:25Z');
  expect(releaseDate('Origin: x\n')).toBeUndefined();
  expect(releaseDate('Date: yesterday\n')).toBeUndefined();
});

test('the folder of a Release file, as apt asks for it', () => {
  expect(releaseFolder('http://a.example/debian', 'stable')).toBe('http://a.example/debian/dists/stable/');
  expect(releaseFolder('http://a.example/debian/', 'stable/updates')).toBe(
    'http://a.example/debian/dists/stable/updates/',
  );
  expect(releaseFolder('http://a.example/flat', './')).toBe('http://a.example/flat/./');
  expect(withoutUser('https://me:secret@a.example/x')).toBe('https://a.example/x');
});
