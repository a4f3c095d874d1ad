import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../rigs/cli.ts';
import { FaultProject, kill, tinyTemplate } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

describe.skipIf(noWorkspace !== undefined)('several builds at once', () => {
  test('ten of the same thing, on what a killed one left: each step runs once, all end right', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    project.wipe();
    expect(await project.killAt('layer:staged#3', ['build'])).toBe('killed');
    const results = await Promise.all(Array.from({ length: 10 }, () => project.build()));
    for (const result of results)
      expect(result, result.stderr + result.stdout.slice(-800)).toMatchObject({ code: 0 });
    const built = results.flatMap((result) => result.built);
    expect(built.toSorted()).toEqual([...new Set(built)].toSorted());
    expect(built).toContain('qcow2');
    expect(await project.judge(expected)).toEqual([]);
  });

  test('steps that do not see each other: the commit of one ends no program of another', async () => {
    const project = new FaultProject();
    const steps = Array.from(
      { length: 12 },
      (_, at) => `  - { type: shell, name: s${at}, needs: [], inline: "echo ${at} > /f${at}" }`,
    );
    project.write(
      'pipelines/tiny.yaml',
      `source: { type: rootfs, path: tiny.tar }\nsteps:\n${steps.join('\n')}\n`,
    );
    for (let round = 0; round < 3; round += 1) {
      const result = await project.build('--no-cache');
      expect(result, result.stderr).toMatchObject({ code: 0 });
    }
  });

  test('in two containers that share a store: each sees that the other lives, and when it is dead', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    project.wipe();
    const trace = project.path('trace');
    const there = project.start(
      ['build', '--ui=plain'],
      { IMGPIPE_TRACE: trace, IMGPIPE_TRACE_STOP: 'layer:staged#3' },
      ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
    );
    await eventually('the moment', () => existsSync(trace) && project.read('trace').endsWith('stopped\n'));
    const before = project.leftovers();
    expect(before.some((path) => path.includes('/journal/'))).toBe(true);
    expect((await project.run('ps')).stdout).toContain('running');
    expect(await project.run('gc')).toMatchObject({ code: 0 });
    expect(await project.run('cache', 'prune', '--all')).toMatchObject({ code: 0 });
    expect(project.leftovers()).toEqual(before);
    await kill(there);
    expect(await project.judge(expected)).toEqual([]);
  });

  test('two different pipelines, and a prune beside them', async () => {
    const project = new FaultProject();
    project.write('pipelines/other.yaml', tinyTemplate('other'));
    const [tiny, other, ...prunes] = await Promise.all([
      project.build('tiny'),
      project.build('other'),
      project.run('cache', 'prune', '--all'),
      project.run('cache', 'prune', '--all'),
    ]);
    expect([tiny.code, other.code, ...prunes.map(({ code }) => code)]).toEqual([0, 0, 0, 0]);
    expect(await project.judge(project.products())).toEqual([]);
  });

  test('a prune does not take from a build what it found in the cache', async () => {
    const project = new FaultProject();
    await project.build();
    project.setVariant(1);
    const expected = await buildElsewhere(1);
    const building = project.start(['build', '--ui=plain']);
    const pruned = await Promise.all([1, 2, 3].map(() => project.run('cache', 'prune', '--all')));
    expect(pruned.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect((await building.result).code).toBe(0);
    expect(await project.judge(expected)).toEqual([]);
  });
});

async function buildElsewhere(variant: number): Promise<Readonly<Record<string, string>>> {
  const project = new FaultProject();
  project.setVariant(variant);
  await project.build();
  return project.products();
}
