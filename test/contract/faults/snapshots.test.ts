import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../rigs/cli.ts';
import { FaultProject } from '../../rigs/faults.ts';

const PLUGIN = fileURLToPath(new URL('../../rigs/folder-builder.mjs', import.meta.url));
const CONFIG = `cache:\n  directory: cache\nplugins: ['${PLUGIN}']\n`;
const TEMPLATE = `builder: { type: folder }
source: { type: text }
steps:
  - { type: add, name: a, line: a1 }
  - { type: add, name: b, line: b1 }
exports: [{ type: raw }]
`;

describe('states of machines, when things go wrong', () => {
  let project: FaultProject;
  const image = (): string => readFileSync(project.path('output/p/p.raw'), 'utf8').replaceAll('\0', '');
  const states = (): string[] =>
    existsSync(project.path('cache/snapshots')) ? readdirSync(project.path('cache/snapshots')) : [];
  const infoOf = (state: string): { parent?: string } =>
    JSON.parse(project.read(`cache/snapshots/${state}/info.json`)) as { parent?: string };

  /** The next build is right, nothing is left over, and what is kept is whole. */
  async function expectRight(what: string): Promise<void> {
    await eventually(`the end of all processes: ${what}`, () => project.remains().length === 0);
    expect(await project.build(), what).toMatchObject({ code: 0 });
    expect(image(), what).toBe('base\na1\nb1\n');
    expect(project.leftovers(), what).toEqual([]);
    expect(await project.run('cache', 'verify'), what).toMatchObject({ code: 0 });
    expect((await project.build()).built, what).toEqual([]);
  }

  beforeEach(() => {
    project = new FaultProject({ config: CONFIG });
    rmSync(project.path('pipelines'), { recursive: true });
    project.write('pipelines/p.yaml', TEMPLATE);
    project.write('calls', '');
  });

  test('kill -9 while a state is kept, and while states are pruned', async () => {
    const ofStates = (await project.moments(['build'])).filter((moment) => moment.startsWith('snapshot:'));
    expect(ofStates).toHaveLength(2 * 3);
    for (const moment of ofStates.filter((_, at) => at % 3 !== 1)) {
      project.wipe();
      expect(await project.killAt(moment, ['build'])).toBe('killed');
      await expectRight(moment);
    }
    const pruning = await project.moments(['cache', 'prune', '--all']);
    for (const moment of new Map(pruning.map((each) => [each.split('#')[0], each])).values()) {
      await project.build();
      expect(await project.killAt(moment, ['cache', 'prune', '--all'])).toBe('killed');
      await expectRight(moment);
    }
  });

  test('what a running build stands on is not pruned', async () => {
    const trace = project.path('trace');
    const build = project.start(['build'], { IMGPIPE_TRACE: trace, IMGPIPE_TRACE_STOP: 'record:written#2' });
    await eventually('the moment', () => existsSync(trace) && project.read('trace').endsWith('stopped\n'));
    const kept = states();
    expect(await project.run('cache', 'prune', '--all')).toMatchObject({ code: 0 });
    expect(states()).toEqual(kept);
    build.process.kill('SIGCONT');
    build.process.kill('SIGKILL');
    await build.result;
    await expectRight('after the build');
  });

  test('damage is found by verify, and made again: a file, a record, a state gone', async () => {
    await project.build();
    const leaf =
      states().find((state) => !states().some((other) => infoOf(other).parent?.endsWith(state))) ?? '';
    const damages: readonly (readonly [string, () => void])[] = [
      [
        'another byte',
        () => {
          chmodSync(project.path(`cache/snapshots/${leaf}/log`), 0o644);
          writeFileSync(project.path(`cache/snapshots/${leaf}/log`), 'base\na1\nb2\n');
        },
      ],
      [
        'half a record',
        () => writeFileSync(project.path(`cache/snapshots/${leaf}/info.json`), '{"format":1,'),
      ],
      ['no file', () => rmSync(project.path(`cache/snapshots/${leaf}/log`), { force: true })],
    ];
    for (const [what, damage] of damages) {
      damage();
      expect(await project.run('cache', 'verify'), what).toMatchObject({ code: 1 });
      expect(states()).not.toContain(leaf);
      const { built } = await project.build();
      expect(built, what).toEqual(['b']);
      expect(states()).toContain(leaf);
      await expectRight(what);
    }
    const root = states().find((state) => infoOf(state).parent === undefined) ?? '';
    rmSync(project.path(`cache/snapshots/${root}`), { recursive: true });
    // It comes out the same, so the others stand on it again.
    expect((await project.build()).built).toEqual(['source']);
    await expectRight('the first state gone');
  });

  test('they are listed and counted, and go from the leaf down', async () => {
    await project.build();
    const listed = await project.run('cache', 'ls', '--json');
    const items = JSON.parse(listed.stdout) as { type: string; nodes: string[] }[];
    const names = items.filter(({ type }) => type === 'snapshot').flatMap(({ nodes }) => nodes);
    expect(names.toSorted()).toEqual(['p/a', 'p/b', 'p/source']);
    const pruning = await project.moments(['cache', 'prune', '--all']);
    for (const moment of pruning.filter((_, at) => at % 4 === 1)) {
      await project.build();
      expect(await project.killAt(moment, ['cache', 'prune', '--all'])).toBe('killed');
      const whole = states().filter((state) =>
        existsSync(project.path(`cache/snapshots/${state}/info.json`)),
      );
      const parents = whole.flatMap((state) => infoOf(state).parent?.slice('sha256:'.length) ?? []);
      expect(whole, moment).toEqual(expect.arrayContaining(parents));
    }
    expect(await project.run('cache', 'prune', '--all')).toMatchObject({ code: 0 });
    expect(states()).toEqual([]);
    await expectRight('after a prune');
  });

  test('build --full makes them anew beside the cache, and says that they cannot be compared', async () => {
    await project.build();
    const before = states();
    const full = await project.run('build', '--full', '--report', 'night.json', '--ui=plain');
    expect(full, full.stderr).toMatchObject({ code: 0 });
    const report = JSON.parse(project.read('night.json')) as {
      rows: { name: string; verdict: { type: string } }[];
      quarantined: unknown[];
    };
    expect(report.rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['source', 'a', 'b', 'raw']));
    expect(project.read('night.json')).toContain('states of machines hold what no two runs have in common');
    expect(report.quarantined).toEqual([]);
    expect(states()).toEqual(expect.arrayContaining(before));
    await expectRight('after build --full');
  });
});
