import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FaultProject } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** Sizes at which a full disk is met at every stage: the first file of the store, layers, disks, images. */
const SIZES = ['16k', '64k', '200k', '1m', '4m', '6m', '8m', '9m', '10m', '12m', '14m', '17m', '20m'];
const CHOSEN = process.env['IMGPIPE_FAULTS'] === undefined ? SIZES.filter((_, at) => at % 3 === 0) : SIZES;

describe.skipIf(noWorkspace !== undefined)('no space is left', () => {
  test.each(['cache', 'output'])('on the disk of the %s folder, at every stage', async (folder) => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    const outcomes: string[] = [];
    for (const size of CHOSEN) {
      project.wipe();
      mkdirSync(project.path(folder));
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', project.path(folder)]);
      try {
        const result = await project.run('build', '--ui=plain');
        outcomes.push(`${size} ${result.code}`);
        if (result.code !== 0) {
          expect(result.code, size).toBe(1);
          expect(result.stderr, size).toMatch(/no space|disk-full/i);
          expect(result.stderr, size).not.toMatch(/a bug in imgpipe|\n\s+at /);
          // What can free space must work without any.
          if (folder === 'cache')
            expect(await project.run('cache', 'prune', '--all'), size).toMatchObject({ code: 0 });
        }
        execFileSync('mount', ['-o', 'remount,size=200m', project.path(folder)]);
        expect(await project.judge(expected, { onMount: true }), size).toEqual([]);
      } finally {
        execFileSync('umount', [project.path(folder)]);
      }
    }
    expect(outcomes.some((outcome) => outcome.endsWith(' 1'))).toBe(true);
    expect(outcomes.at(-1)).toMatch(/ 0$/);
  });

  test('a store on another file system than the project gives the same images', async () => {
    const project = new FaultProject();
    await project.build();
    const expected = project.products();
    project.wipe();
    mkdirSync(project.path('cache'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', project.path('cache')]);
    onTestFinished(() => void execFileSync('umount', [project.path('cache')]));
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(project.products()).toEqual(expected);
  });
});
