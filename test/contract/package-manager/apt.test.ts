import { describe, expect, test } from 'vitest';
import { packageKind } from '../../../src/provisioners/package.ts';
import { AptArchive } from '../../rigs/apt-archive.ts';
import { noBootstrap, withDebian } from '../../rigs/debian-base.ts';

const LOOK = 'cat opt/* 2>/dev/null; grep -A2 "^Package: tool" var/lib/dpkg/status || true';

describe.skipIf(noBootstrap !== undefined)(
  `apt in a real Debian${noBootstrap === undefined ? '' : ` (skipped: ${noBootstrap})`}`,
  () => {
    const debian = withDebian();

    /** Options that use the archive alone for what it has. */
    const from = (archive: AptArchive, options: Record<string, unknown>) => ({
      repositories: [{ name: 'test', uris: [archive.url], suites: ['test'], key: archive.keyFile }],
      ...options,
    });

    test('a repository with its key: newest version, a pinned one, a wildcard', async () => {
      const archive = await AptArchive.open([
        { name: 'tool', version: '1.0-1', depends: 'tool-data' },
        { name: 'tool', version: '2.0-1', depends: 'tool-data' },
        { name: 'tool-data', version: '1' },
      ]);
      const newest = await debian().step(packageKind, from(archive, { install: ['tool'] }));
      expect(await debian().look([debian().base, newest.layer], LOOK)).toMatch(/^2\.0-11/);
      const pinned = await debian().step(
        packageKind,
        from(archive, { install: ['tool=1.0-1'], hold: ['tool'] }),
      );
      expect(await debian().look([debian().base, pinned.layer], LOOK)).toMatch(
        /^1\.0-11[^]*Status: hold ok installed/,
      );
      const older = await debian().step(packageKind, { install: [{ name: 'tool', version: '1.*' }] }, [
        debian().base,
        newest.layer,
      ]);
      expect(await debian().look([debian().base, newest.layer, older.layer], LOOK)).toMatch(/^1\.0-1/);
    });

    test('the same step twice: the same layer, and the package is fetched once', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '3' }]);
      const options = from(archive, { install: ['tool'] });
      const first = await debian().step(packageKind, options);
      const second = await debian().step(packageKind, options);
      expect(second.layer).toEqual(first.layer);
      expect(archive.requests.filter((path) => path.endsWith('.deb'))).toHaveLength(1);
    });

    test('two at once share the downloads without a lock', async () => {
      const archive = await AptArchive.open([
        { name: 'tool', version: '4' },
        { name: 'tool-data', version: '4' },
      ]);
      const [one, two] = await Promise.all([
        debian().step(packageKind, from(archive, { install: ['tool', 'tool-data'] })),
        debian().step(packageKind, from(archive, { install: ['tool', 'tool-data'] })),
      ]);
      expect(one?.layer).toEqual(two?.layer);
    });

    test('remove, purge and autoremove', async () => {
      const archive = await AptArchive.open([
        { name: 'tool', version: '5', depends: 'tool-data' },
        { name: 'tool-data', version: '5' },
      ]);
      const installed = await debian().step(packageKind, from(archive, { install: ['tool'] }));
      const view = [debian().base, installed.layer];
      const removed = await debian().step(
        packageKind,
        { purge: ['tool'], autoremove: true, update: false },
        view,
      );
      expect(await debian().look([...view, removed.layer], 'ls -A opt 2>/dev/null || true')).toBe('');
    });

    test('nothing that this run needed stays in the image', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '6' }]);
      const { layer } = await debian().step(packageKind, from(archive, { install: ['tool'] }));
      const paths = debian()
        .rig.paths(layer)
        .map((line) => line.split(' ')[0] ?? '');
      const kept = paths.filter((path) => !/^\/(opt|var\/lib\/dpkg)(\/|$)/.test(path));
      expect(kept).toEqual([
        '/etc',
        '/etc/apt',
        '/etc/apt/keyrings',
        '/etc/apt/keyrings/test.asc',
        '/etc/apt/sources.list.d',
        '/etc/apt/sources.list.d/test.sources',
        '/var',
        '/var/lib',
      ]);
    });

    const failing = async (options: Record<string, unknown>): Promise<unknown> =>
      await debian()
        .step(packageKind, options)
        .then(
          () => 'did not fail',
          (error: { failures: unknown }) => error.failures,
        );

    test('a package that does not exist, a version, an archive without key, one that cannot be reached', async () => {
      const archive = await AptArchive.open([
        { name: 'tool', version: '7' },
        { name: 'broken', version: '1', postinst: 'echo the reason; exit 1' },
      ]);
      expect(await failing(from(archive, { install: ['tol'] }))).toMatchObject([
        {
          reason: 'package-failed',
          message: 'package "tol" does not exist in the configured archives',
          hint: expect.stringMatching(/Did you mean/),
        },
      ]);
      expect(await failing(from(archive, { install: ['tool=9'] }))).toMatchObject([
        { message: 'package "tool" has no version "9" in the configured archives', hint: 'There is 7.' },
      ]);
      expect(await failing(from(archive, { install: ['broken'] }))).toMatchObject([
        {
          message: 'the package broken failed to configure',
          excerpt: expect.arrayContaining(['the reason']),
        },
      ]);
      const keyless = {
        repositories: [{ name: 'test', uris: [archive.url], suites: ['test'] }],
        install: ['tool'],
      };
      expect(await failing(keyless)).toMatchObject([
        { message: expect.stringMatching(/signed by the key [0-9A-F]{16}, which is not known/) },
      ]);
      const gone = {
        repositories: [{ name: 'test', uris: ['http://127.0.0.1:1/debian'], suites: ['test'] }],
        install: ['tool'],
      };
      expect(await failing(gone)).toMatchObject([
        { message: 'the archive at 127.0.0.1:1 cannot be reached' },
      ]);
    });
  },
);
