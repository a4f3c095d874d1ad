import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AptArchive } from '../../rigs/apt-archive.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

interface LockFile {
  readonly format: number;
  readonly archives: Record<string, { resolved: string; releases: { content: string; uri: string }[] }>;
}

/** A project whose `web` installs from one archive and `db` from another; the base has no apt, so nothing can be built. */
function twoArchives(web: AptArchive, db: AptArchive, fresh = ''): CliProject {
  const step = (archive: AptArchive): string =>
    `  - { type: package, name: tools, ${fresh} install: [tool], repositories: [{ name: test, uris: ['${archive.url}'], suites: [test] }] }`;
  const template = (archive: AptArchive): string =>
    `source: { type: rootfs, path: tiny.tar }\nsteps:\n${step(archive)}\nexports: [{ type: rootfs-tar }]\n`;
  const project = new CliProject({ 'pipelines/web.yaml': template(web), 'pipelines/db.yaml': template(db) });
  addTinyRoot(project);
  return project;
}

const lockOf = (project: CliProject): LockFile => JSON.parse(project.read('imgpipe.lock')) as LockFile;
const tool = (version: string) => [{ name: 'tool', version }];
const day = (number: number): { date: Date } => ({ date: new Date(Date.UTC(2026, 0, number)) });

describe('imgpipe.lock', () => {
  test('update writes it, shows old and new, and leaves it alone when nothing moved', async () => {
    const [web, db] = [await AptArchive.open(tool('1'), day(1)), await AptArchive.open(tool('1'), day(1))];
    const project = twoArchives(web, db);
    const first = await project.run('update');
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${web.url} test main (amd64): new\n  test  2026-01-01`),
    });
    const names = Object.keys(lockOf(project).archives);
    expect(names).toEqual([`${web.url} test main (amd64)`, `${db.url} test main (amd64)`].toSorted());

    const before = project.read('imgpipe.lock');
    web.move(tool('1'), day(2));
    expect((await project.run('update')).stdout.match(/: same/g)).toHaveLength(2);
    expect(project.read('imgpipe.lock')).toBe(before);

    web.move(tool('2'), day(3));
    db.move(tool('2'), day(3));
    const look = await project.run('update', '--dry-run');
    expect(look.stdout).toContain('2026-01-01 → 2026-01-03');
    expect(project.read('imgpipe.lock')).toBe(before);

    // One pipeline, one entry.
    const one = await project.run('update', 'web', '--json');
    expect(JSON.parse(one.stdout)).toMatchObject([
      { name: `${web.url} test main (amd64)`, state: 'moved', pipelines: ['web'] },
    ]);
    expect((await project.run('update', `${web.url} test main`)).stdout).toContain('same');
    expect((await project.run('update')).stdout).toMatch(/: same[^]*: moved|: moved[^]*: same/);
  });

  test('update names what it does not know and what it cannot reach; the lock stays', async () => {
    const [web, db] = [await AptArchive.open(tool('1')), await AptArchive.open(tool('1'))];
    const project = twoArchives(web, db);
    const wrong = await project.run('update', 'wep');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "web"?') });
    expect(existsSync(project.path('imgpipe.lock'))).toBe(false);
    project.write(
      'pipelines/db.yaml',
      project.read('pipelines/db.yaml').replace('suites: [test]', 'suites: [tset]'),
    );
    const gone = await project.run('update');
    expect(gone).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the state of \S+tset\/ cannot be looked up: .*404/),
    });
    expect(existsSync(project.path('imgpipe.lock'))).toBe(false);
  });

  test('entries that nothing reads any more go with --prune only', async () => {
    const [web, db] = [await AptArchive.open(tool('1')), await AptArchive.open(tool('1'))];
    const project = twoArchives(web, db);
    await project.run('update');
    rmSync(project.path('pipelines/db.yaml'));
    await project.run('update');
    expect(Object.keys(lockOf(project).archives)).toHaveLength(2);
    expect((await project.run('update', '--prune')).stdout).toContain(`${db.url} test main (amd64): removed`);
    expect(Object.keys(lockOf(project).archives)).toEqual([`${web.url} test main (amd64)`]);
  });

  test('a snapshot archive is a mirror: each of its times is a state with an entry of its own', async () => {
    const expired = new Date(Date.UTC(2025, 4, 27));
    const archive = await AptArchive.open(tool('1'), { ...day(1), validUntil: expired });
    const may = '20250520T000000Z';
    const june = '20250620T000000Z';
    const atMay = `${archive.url}/archive/debian/${may} test main (amd64)`;
    const atJune = `${archive.url}/archive/debian/${june} test main (amd64)`;
    archive.keep(`archive/debian/${may}`);
    archive.move(tool('2'), { ...day(2), validUntil: expired });
    archive.keep(`archive/debian/${june}`);
    const template = (time: string): string =>
      `source: { type: bootstrap, suite: test, distribution: debian, mirrors: ['${archive.url}/archive/debian/{snapshot}'], snapshot: ${time} }\nexports: [{ type: rootfs-tar }]\n`;
    const project = new CliProject({ 'pipelines/web.yaml': template(may) });
    // Past its date, as all snapshots are.
    expect(await project.run('update')).toMatchObject({ code: 0 });
    const first = lockOf(project).archives[atMay];
    expect(first?.releases).toHaveLength(1);
    archive.move(tool('3'), day(3));
    expect((await project.run('update')).stdout).toContain(`${atMay}: same`);
    project.write('pipelines/web.yaml', template(june));
    expect(await project.run('update', '--prune')).toMatchObject({ code: 0 });
    const { archives } = lockOf(project);
    expect(Object.keys(archives)).toEqual([atJune]);
    expect(archives[atJune]?.releases[0]?.content).not.toBe(first?.releases[0]?.content);
  });

  test('a file that is no lock is refused with its place, and never overwritten', async () => {
    const [web, db] = [await AptArchive.open(tool('1')), await AptArchive.open(tool('1'))];
    const project = twoArchives(web, db);
    const entry = (digest: string): string =>
      `{"format":1,"archives":{"x":{"resolved":"2026-01-01T00:00:00Z","releases":[{"uri":"u","suite":"s","components":[],"date":"2026-01-01T00:00:00Z",\n"release":"${digest}","content":"sha256:${'a'.repeat(64)}"}]}}}\n`;
    for (const [text, place, words] of [
      ['<<<<<<< HEAD\n', '1:1', 'take either side whole'],
      ['{"format":2,\n"archives":{}}\n', '1:11', 'delete it'],
      ['{"format":1,\n"archives":', '2:12', 'delete it'],
      ['', '1:1', 'delete it'],
      [entry('sha257:abc'), '2:11', 'must be a digest'],
      [entry(`sha256:${'a'.repeat(63)}`), '2:11', 'must be a digest'],
    ] as const) {
      writeFileSync(project.path('imgpipe.lock'), text);
      for (const command of text === '' ? ['plan', 'build', 'update'] : ['plan']) {
        const result = await project.run(command);
        expect(result, command).toMatchObject({
          code: 2,
          stderr: expect.stringMatching(
            new RegExp(
              `imgpipe\\.lock cannot be read: [^]*imgpipe\\.lock:${place}\n[^]*${words}|${words}[^]*imgpipe\\.lock:${place}\n`,
            ),
          ) as string,
        });
      }
      expect(project.read('imgpipe.lock')).toBe(text);
    }
  });

  test.skipIf(noWorkspace !== undefined)('build looks up what has no entry, and nothing else', async () => {
    const [web, db] = [await AptArchive.open(tool('1')), await AptArchive.open(tool('1'))];
    const project = twoArchives(web, db);
    expect(await project.run('build', 'web', '--locked')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('imgpipe.lock has no entry for'),
    });
    // It fails, as the image has no package manager; the state was looked up before.
    expect((await project.run('build', 'web')).stderr).toContain('looking up the state of');
    expect(Object.keys(lockOf(project).archives)).toEqual([`${web.url} test main (amd64)`]);
    web.requests.length = 0;
    const again = await project.run('build', 'web', '--locked');
    expect(again.stderr).toContain('no package manager is known');
    expect(web.requests).toEqual([]);
    expect(db.requests).toEqual([]);
  });

  test.skipIf(noWorkspace !== undefined)(
    'a state older than `fresh` is looked up again; one that cannot be reached is used, and said',
    async () => {
      const [web, db] = [await AptArchive.open(tool('1'), day(1)), await AptArchive.open(tool('1'), day(1))];
      const project = twoArchives(web, db, 'fresh: 24h,');
      await project.run('build', 'web');
      web.move(tool('2'), day(2));
      expect((await project.run('build', 'web')).stderr).not.toContain('looking up');
      // As if it was compared two days ago, here and when the entry was made.
      const aged = project
        .read('imgpipe.lock')
        .replaceAll(/"resolved": "[^"]*"/g, '"resolved": "2026-01-01T00:00:00Z"');
      project.write('imgpipe.lock', aged);
      rmSync(project.path('cache/checked'), { recursive: true });
      const renewed = await project.run('build', 'web');
      expect(renewed.stderr).toContain(
        `imgpipe.lock: ${web.url} test main (amd64): test 2026-01-01 → 2026-01-02`,
      );

      project.write(
        'pipelines/web.yaml',
        project.read('pipelines/web.yaml').replaceAll(web.url, 'http://127.0.0.1:1'),
      );
      project.write('imgpipe.lock', aged.replaceAll(web.url, 'http://127.0.0.1:1'));
      const offline = await project.run('build', 'web');
      expect(offline.stderr).toMatch(/cannot be looked up[^]*the state of 2026-01-01T00:00:00Z is used/);
    },
  );
});
