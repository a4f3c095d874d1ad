import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FaultProject } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const DAY_S = 24 * 60 * 60;

describe.skipIf(noWorkspace !== undefined)('a store with bounds', () => {
  test('keeps its size by itself, deleting what was not used for longest; what the run used stays', async () => {
    const project = new FaultProject({ config: 'cache:\n  directory: cache\n  maxSize: 12MB\n' });
    await project.build();
    age(project, 2);
    for (const variant of [1, 2, 3, 4]) {
      project.setVariant(variant);
      expect(await project.build()).toMatchObject({ code: 0 });
    }
    // The first variant went, the last one is whole.
    expect(await project.build()).toMatchObject({ code: 0, built: [] });
    expect(await project.judge(project.products())).toEqual([]);
    project.setVariant(0);
    expect((await project.build()).built).toContain('work');
  });

  test('a hit counts as use, noted once a day', async () => {
    const project = new FaultProject();
    await project.build();
    age(project, 3);
    const used = (): number => Math.max(...layerTimes(project));
    expect(Date.now() / 1000 - used()).toBeGreaterThan(2 * DAY_S);
    expect(await project.build()).toMatchObject({ built: [] });
    expect(Date.now() / 1000 - used()).toBeLessThan(600);
    age(project, 3);
    expect(await project.build()).toMatchObject({ built: [] });
    expect(Date.now() / 1000 - used()).toBeGreaterThan(2 * DAY_S);
    // Of layers used together the base is the last to go.
    project.setVariant('other');
    await project.build();
    const times = layerTimes(project).filter((time) => Date.now() / 1000 - time < 600);
    expect(new Set(times).size).toBe(times.length);
  });
});

test.skipIf(noWorkspace !== undefined)(
  'gc names what a run left that was stopped before it had cleared it',
  async () => {
    const project = new FaultProject();
    expect(await project.run('gc')).toMatchObject({ code: 0 });
    const left = project.path('cache/active/stopped');
    mkdirSync(join(left, '1/upper'), { recursive: true });
    writeFileSync(join(left, '1/upper/file'), '');
    writeFileSync(`${left}.lock`, '');
    const gc = await project.run('gc');
    expect(gc, gc.stderr).toMatchObject({ code: 0 });
    expect(gc.stdout).toContain(`deleted ${left}\n`);
    expect(readdirSync(project.path('cache/active'))).toEqual([]);
  },
);

function layerInfos(project: FaultProject): string[] {
  return readdirSync(project.path('cache/layers')).map((name) =>
    project.path(`cache/layers/${name}/info.json`),
  );
}

const layerTimes = (project: FaultProject): number[] =>
  layerInfos(project).map((path) => statSync(path).mtimeMs / 1000);

/** Makes all layers look as if they were last used some days ago. */
function age(project: FaultProject, days: number): void {
  const then = Date.now() / 1000 - days * DAY_S;
  for (const path of layerInfos(project)) utimesSync(path, then, then);
}
