import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FaultProject } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const CLOCK = fileURLToPath(new URL('../../rigs/jumping-clock.mjs', import.meta.url));
const SEEDS = process.env['IMGPIPE_FAULTS'] === undefined ? 1 : 30;

/** The clock of the machine is that of all tests, so it is imgpipe's own view of it that jumps. */
const jumping = (seed: number) => ({ NODE_OPTIONS: `--import=${CLOCK}`, JUMPING_CLOCK: String(seed) });

describe.skipIf(noWorkspace !== undefined)('a clock that jumps while imgpipe runs', () => {
  test('builds, prunes and builds on what a killed one left, by hours and years in both directions', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    const starts: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const run = async (...args: string[]) => await project.start(args, jumping(seed)).result;
      project.wipe();
      await project.killAt(`layer:staged#${1 + (seed % 4)}`, ['build']);
      for (const args of [
        ['build'],
        ['build'],
        ['cache', 'prune', '--max-age=30d'],
        ['cache', 'verify'],
        ['build'],
      ])
        expect(await run(...args), `${seed}: ${args.join(' ')}`).toMatchObject({ code: 0 });
      expect(project.products(), String(seed)).toEqual(expected);
      const { stdout } = await run('build', '--ui=json');
      starts.push(/"startedAt":"([^"]+)"/.exec(stdout)?.[1] ?? '');
      const two = await Promise.all([run('build', '-force'), run('build', '--no-cache'), project.run('gc')]);
      expect(
        two.map(({ code, stderr }) => [code, code === 0 ? '' : stderr]),
        String(seed),
      ).toEqual(two.map(() => [0, '']));
      expect(await project.judge(expected), String(seed)).toEqual([]);
    }
    // The clock did jump.
    expect(starts.some((start) => Math.abs(Date.now() - Date.parse(start)) > 1_800_000)).toBe(true);
  });
});
