import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FailureError, type Failure } from '../../../src/diagnostics/failure.ts';
import { resolveArchive, sameContent } from '../../../src/freshness/resolve-archive.ts';
import type { LockedArchive } from '../../../src/model/archive.ts';
import { packageKind } from '../../../src/provisioners/package.ts';
import { bootstrapSource } from '../../../src/sources/bootstrap.ts';
import { archivesAt, bootstrapArchives } from '../../../src/sources/bootstrap/references.ts';
import { AptArchive } from '../../rigs/apt-archive.ts';
import { noBootstrap, withDebian } from '../../rigs/debian-base.ts';

const signal = new AbortController().signal;

/** That of the base. */
function stateOfBase(): Promise<LockedArchive> {
  const options = bootstrapSource.schema.parse({ suite: 'bookworm' }) as Parameters<
    typeof bootstrapArchives
  >[0];
  const [reference] = bootstrapArchives(options, { architecture: 'amd64' });
  if (reference === undefined) throw new Error('a bootstrap has an archive');
  return resolveArchive(reference, { now: new Date(), signal });
}

/** The state of an archive as the lock would have it. */
function stateOf(archive: AptArchive, known?: LockedArchive): Promise<LockedArchive> {
  const source = { uris: [archive.url], suites: ['test'], components: ['main'] };
  return resolveArchive(archivesAt([source], 'amd64'), { known, now: new Date(), signal });
}

describe.skipIf(noBootstrap !== undefined)(
  `packages from a locked archive${noBootstrap === undefined ? '' : ` (skipped: ${noBootstrap})`}`,
  () => {
    const debian = withDebian();

    const install = (archive: AptArchive, names: readonly string[], ...locked: LockedArchive[]) =>
      debian().step(
        packageKind,
        {
          repositories: [{ name: 'test', uris: [archive.url], suites: ['test'], key: archive.keyFile }],
          install: names,
        },
        [debian().base],
        { archives: locked },
      );

    async function failureOf(run: Promise<unknown>): Promise<Failure> {
      const error: unknown = await run.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof FailureError) || error.failures[0] === undefined) throw new Error(String(error));
      return error.failures[0];
    }

    const version = (layer: { layer: Parameters<ReturnType<typeof debian>['look']>[0][number] }) =>
      debian().look([debian().base, layer.layer], 'cat opt/tool');

    test('a state that was seen before is installed from after the archive moved on', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '1' }]);
      const [base, locked] = [await stateOfBase(), await stateOf(archive)];
      const first = await install(archive, ['tool'], base, locked);
      archive.move([
        { name: 'tool', version: '2' },
        { name: 'other', version: '2' },
      ]);
      archive.requests.length = 0;
      // Index and package are in the cache: nothing at all is asked for.
      expect((await install(archive, ['tool'], base, locked)).layer).toEqual(first.layer);
      expect(archive.requests).toEqual([]);
      const updated = await stateOf(archive, locked);
      expect(await version(await install(archive, ['tool'], updated))).toBe('2');
    });

    test('a package of the locked index that has left the archive is named', async () => {
      const archive = await AptArchive.open([
        { name: 'tool', version: '1' },
        { name: 'rare', version: '1' },
      ]);
      const locked = await stateOf(archive);
      await install(archive, ['tool'], locked);
      archive.move([{ name: 'tool', version: '2' }]);
      const failure = await failureOf(install(archive, ['rare'], locked));
      expect(failure).toMatchObject({
        reason: 'archive-moved',
        message: expect.stringContaining('rare_1_all.deb'),
      });
      expect(failure.hint).toContain('imgpipe update');
    });

    test('a state that was never seen here and is gone is a failure, not another state', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '1.never' }]);
      const locked = await stateOf(archive);
      archive.move([{ name: 'tool', version: '2.never' }]);
      const failure = await failureOf(install(archive, ['tool'], locked));
      expect(failure).toMatchObject({
        reason: 'archive-moved',
        message: expect.stringContaining(`${archive.url}/dists/test has moved on`),
        hint: expect.stringMatching(/imgpipe update.*snapshot/),
      });
    });

    test('an archive that was only signed anew is the same', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '1' }], {
        date: new Date('2026-01-01'),
      });
      const locked = await stateOf(archive);
      archive.move([{ name: 'tool', version: '1' }], { date: new Date('2026-01-02') });
      expect(await stateOf(archive, locked)).toBe(locked);
      const fresh = await stateOf(archive);
      expect(sameContent(fresh, locked)).toBe(true);
      expect(fresh.releases[0]?.release).not.toBe(locked.releases[0]?.release);
      // The index that is downloaded has another signature, and is taken.
      expect(await version(await install(archive, ['tool'], locked))).toBe('1');
    });

    test('an archive that the lock does not know is refreshed beside one that it does', async () => {
      const locked = await AptArchive.open([{ name: 'tool', version: '1' }]);
      const other = await AptArchive.open([{ name: 'extra', version: '1' }]);
      const state = await stateOf(locked);
      await install(locked, ['tool'], state);
      locked.move([{ name: 'tool', version: '2' }]);
      const both = await debian().step(
        packageKind,
        {
          repositories: [
            { name: 'test', uris: [locked.url], suites: ['test'], key: locked.keyFile },
            { name: 'other', uris: [other.url], suites: ['test'], key: other.keyFile },
          ],
          install: ['extra'],
        },
        [debian().base],
        { archives: [state] },
      );
      expect(await debian().look([debian().base, both.layer], 'cat opt/extra')).toBe('1');
      // What the lock knows comes from the kept index, although the refresh brought another.
      const failure = await failureOf(
        debian().step(
          packageKind,
          {
            repositories: [
              { name: 'test', uris: [locked.url], suites: ['test'], key: locked.keyFile },
              { name: 'other', uris: [other.url], suites: ['test'], key: other.keyFile },
            ],
            install: ['tool=2'],
          },
          [debian().base],
          { archives: [state] },
        ),
      );
      expect(failure.message).toContain('no version "2"');
      expect(failure.hint).toContain('There is 1');
    });

    test('half a kept state is no state', async () => {
      const archive = await AptArchive.open([{ name: 'tool', version: '1.half' }]);
      const [base, locked] = [await stateOfBase(), await stateOf(archive)];
      const first = await install(archive, ['tool'], base, locked);
      const folder = join(debian().rig.workspace.storeDirectory, 'mounts', 'apt-debian', 'states');
      const state = join(folder, (locked.releases[0]?.content ?? '').replace('sha256:', ''));
      const kept = readdirSync(state);
      expect(kept).toContain('main_binary-amd64_Packages');
      rmSync(join(state, 'main_binary-amd64_Packages'));
      expect((await install(archive, ['tool'], base, locked)).layer).toEqual(first.layer);
      expect(readdirSync(state)).toEqual(kept);
    });
  },
);
