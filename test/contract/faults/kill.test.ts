import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { eventually } from '../../rigs/cli.ts';
import { FaultProject, kill, type Products } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** `IMGPIPE_FAULTS=300` kills as often as that at random moments, and at every traced one instead of one of each name; the table goes to `.imgpipe/faults.md`. */
const LONG = process.env['IMGPIPE_FAULTS'] !== undefined;
const RANDOM_KILLS = Number(process.env['IMGPIPE_FAULTS'] ?? 6);
const TABLE = '.imgpipe/faults.md';
const SECONDS_EACH = 15;
const table: string[] = [];

afterAll(() => {
  if (!LONG) return;
  mkdirSync('.imgpipe', { recursive: true });
  writeFileSync(TABLE, `${table.join('\n')}\n`);
});

describe.skipIf(noWorkspace !== undefined)('kill -9 of imgpipe', () => {
  test(
    'at every traced moment of a build: nothing survives, the next build is right',
    async () => {
      const project = new FaultProject();
      const moments = choose(await project.moments(['build']));
      const expected = project.products();
      const wrong: Record<string, string[]> = {};
      for (const moment of moments) {
        project.wipe();
        expect(await project.killAt(moment, ['build']), moment).toBe('killed');
        const verdict = await project.judge(expected);
        if (verdict.length > 0) wrong[moment] = verdict;
      }
      table.push(
        `| kill at each traced moment of a build | ${moments.length} | ${Object.keys(wrong).length} |`,
      );
      expect(wrong).toEqual({});
    },
    60 * SECONDS_EACH * 1000,
  );

  test('at every traced moment of a prune', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    const moments = choose(await project.moments(['cache', 'prune', '--all']));
    const wrong: Record<string, string[]> = {};
    for (const moment of moments) {
      project.wipe();
      await project.build();
      expect(await project.killAt(moment, ['cache', 'prune', '--all']), moment).toBe('killed');
      const verdict = await project.judge(expected);
      if (verdict.length > 0) wrong[moment] = verdict;
    }
    table.push(
      `| kill at each traced moment of a prune | ${moments.length} | ${Object.keys(wrong).length} |`,
    );
    expect(wrong).toEqual({});
  });

  test(
    'at random moments of builds, prunes and verifications of a store that is not wiped in between',
    async () => {
      const project = new FaultProject();
      const variants = ['a', 'b', 'c', 'd'];
      const expected = new Map<string, Products>();
      let duration = 0;
      for (const variant of variants) {
        project.wipe();
        project.setVariant(variant);
        const start = performance.now();
        await project.build();
        duration = Math.max(duration, performance.now() - start);
        expected.set(variant, project.products());
      }
      const wrong: Record<string, string[]> = {};
      const counts = { killed: 0, tooLate: 0 };
      for (let round = 0; counts.killed < RANDOM_KILLS; round += 1) {
        const variant = variants[Math.floor(Math.random() * variants.length)] ?? 'a';
        const dice = Math.random();
        // Without this most builds would find everything in the store.
        if (dice < 0.7) await project.run('cache', 'prune', '--all');
        if (dice < 0.2) project.wipe();
        project.setVariant(variant);
        const args =
          dice < 0.85 ? ['build'] : dice < 0.95 ? ['cache', 'prune', '--all'] : ['cache', 'verify'];
        const delay = Math.random() * duration * (args[0] === 'build' ? 1.1 : 0.5);
        const started = project.start(args);
        await new Promise((done) => setTimeout(done, delay));
        counts[started.process.exitCode === null ? 'killed' : 'tooLate'] += 1;
        await kill(started);
        const verdict = await project.judge(expected.get(variant) ?? {});
        if (verdict.length > 0) wrong[`${round}: ${args.join(' ')} after ${delay.toFixed(0)} ms`] = verdict;
      }
      table.push(
        `| kill at random (build, prune, verify) | ${counts.killed} | ${Object.keys(wrong).length} |`,
      );
      expect(wrong).toEqual({});
    },
    (RANDOM_KILLS + 5) * SECONDS_EACH * 1000,
  );

  test('of the helper alone: the build fails and says so, the next one is right', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    project.wipe();
    const trace = project.path('trace');
    const started = project.start(['build', '--ui=plain'], {
      IMGPIPE_TRACE: trace,
      IMGPIPE_TRACE_STOP: 'layer:staged#2',
    });
    const helpers = (): number[] =>
      project
        .remains()
        .filter((line) => line.includes('agent'))
        .map((line) => Number(line.split(' ')[0]));
    await eventually('the moment', () => existsSync(trace) && project.read('trace').endsWith('stopped\n'));
    for (const pid of helpers()) killIfThere(pid);
    expect((await started.result).code).toBe(1);
    expect(await project.judge(expected)).toEqual([]);
  });
});

/** A child of the helper that ended by itself since it was listed is no matter. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** All moments, or in a short run the last one of each name: by then the store holds most. */
function choose(moments: readonly string[]): readonly string[] {
  if (LONG) return moments;
  return [...new Map(moments.map((moment) => [moment.split('#')[0], moment])).values()];
}
