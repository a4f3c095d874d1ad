import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import type { FullReport, FullRow } from '../../../src/report/full-report.ts';
import { AptArchive, type FakePackage } from '../../rigs/apt-archive.ts';
import { CliProject, IMGPIPE } from '../../rigs/cli.ts';
import { noBootstrap } from '../../rigs/debian-base.ts';

const packages = (version: string): FakePackage[] =>
  ['tool', 'other', 'third'].map((name) => ({ name, version }));

function template(archive: AptArchive, install: readonly string[]): string {
  return JSON.stringify({
    source: { type: 'bootstrap', suite: 'bookworm', variant: 'apt' },
    steps: [
      {
        type: 'package',
        name: 'packages',
        install,
        repositories: [{ name: 'test', uris: [archive.url], suites: ['test'], key: archive.keyFile }],
      },
      { type: 'file', name: 'page', path: '/srv/page', content: 'page' },
    ],
    exports: [{ type: 'rootfs-tar', compression: 'none' }],
  });
}

/** Content of /opt/<name> in the exported tar. */
function installed(project: CliProject, name: string): string {
  const tar = project.path('output/p/p.tar');
  return execFileSync('tar', ['-xOf', tar, `./opt/${name}`], { encoding: 'utf8' });
}

describe.skipIf(noBootstrap !== undefined)('a Debian of a locked archive', () => {
  // One project, bootstrapped once: each test goes on from what the one before it left.
  let end: () => void = () => undefined;
  afterAll(() => end());
  const project = new CliProject({}, { onEnd: (body) => (end = body) });

  test('whole life of a lock', { timeout: 600_000 }, async () => {
    const archive = await AptArchive.open(packages('1'));
    project.write('pipelines/p.json', template(archive, ['tool']));
    const first = await project.build();
    expect(first, first.stderr).toMatchObject({
      code: 0,
      built: ['source', 'packages', 'page', 'seal', 'rootfs-tar'],
    });
    expect(installed(project, 'tool')).toBe('1');

    // The network cut off: nothing is missed, not even for a change that needs no package.
    const [node, script] = IMGPIPE;
    const offline = execFileSync('unshare', ['-n', node, script, 'build', '--ui=plain'], {
      cwd: project.directory,
      env: project.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    expect(offline).toContain('p.tar');

    // The archive moves: nobody asked, so nothing changes.
    archive.move(packages('2'));
    expect((await project.build()).built).toEqual([]);

    // A longer list, installed onto the shorter one's layer, from the locked index.
    archive.move(packages('1'));
    project.write('pipelines/p.json', template(archive, ['tool', 'other']));
    const plan = await project.run('plan', '--grow');
    expect(plan.stdout).toMatch(/p\/packages\.grown-from +package +hit/);
    expect(plan.stdout).toMatch(/p\/packages +package +miss .*grows from 1 cached by other/);
    const grown = await project.build('--grow');
    expect(grown.built).toContain('packages');
    expect(grown.cached).toContain('packages.grown-from');
    expect(installed(project, 'other')).toBe('1');
    expect((await project.build('--grow')).built).toEqual([]);
    // Not for anybody who did not ask for it, and never when something goes.
    expect((await project.run('plan')).stdout).toMatch(/p\/packages +package +miss/);
    project.write('pipelines/p.json', template(archive, ['other', 'third']));
    expect((await project.run('plan', '--grow')).stdout).not.toMatch(/^p.packages.grown-from/m);
    project.write('pipelines/p.json', template(archive, ['tool', 'other']));

    // From scratch the tree is the same, and then it is everybody's.
    const same = await project.run('build', '--full', '--locked', '--report', 'night.json');
    expect(same, same.stdout).toMatchObject({ code: 0 });
    expect(rowOf(project, 'packages').verdict).toEqual({ type: 'grown', agrees: true, files: [] });
    expect(rowOf(project, 'source').verdict).toEqual({ type: 'same' });
    expect((await project.build()).built).toEqual([]);

    // The night after the archive moved.
    archive.move(packages('2'));
    const night = await project.run('build', '--full', '--report', 'night.json');
    expect(night, night.stdout).toMatchObject({ code: 0, stdout: expect.stringContaining('tool 1 → 2') });
    expect(rowOf(project, 'packages').verdict).toMatchObject({
      type: 'archive-moved',
      archives: [`${archive.url} test main (amd64)`],
      packages: [
        { name: 'other', before: '1', after: '2' },
        { name: 'tool', before: '1', after: '2' },
      ],
    });
    expect(rowOf(project, 'page').verdict).toEqual({ type: 'same' });
    // The new state is in the lock, the new layers in the cache, the new image in the output folder.
    expect(installed(project, 'tool')).toBe('2');
    expect(await project.build()).toMatchObject({ built: [] });
  });
});

function rowOf(project: CliProject, name: string): FullRow {
  const report = JSON.parse(project.read('night.json')) as FullReport;
  const row = report.rows.find((one) => one.name === name);
  if (row === undefined) throw new Error(`no row ${name}`);
  return row;
}
