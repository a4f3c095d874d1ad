import { mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FailingDisk, noFailingDisk, type DiskFault } from '../../rigs/failing-disk.ts';
import { FaultProject, type Products } from '../../rigs/faults.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const LONG = process.env['IMGPIPE_FAULTS'] !== undefined;
/** Megabytes after which the disk takes no more: every stage of a build that writes some 20 MB. */
const WRITES = [0.1, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18];
const CHOSEN = LONG ? WRITES : WRITES.filter((_, at) => at % 4 === 1);

const skipped = noWorkspace ?? noFailingDisk;

describe.skipIf(skipped !== undefined)(
  `a disk that fails${skipped === undefined ? '' : ` (${skipped})`}`,
  () => {
    test.each(['cache', 'output'])('in writes, the %s folder being on it', async (folder) => {
      const { project, expected, disk } = await projectOnDisk(folder);
      const outcomes: string[] = [];
      for (const megabytes of CHOSEN) {
        const wrong = await buildFailing(project, expected, disk, `write ${megabytes}`);
        outcomes.push(wrong.code === 0 ? 'succeeded' : 'failed');
        expect(wrong.verdict, `${megabytes} MB`).toEqual([]);
        await project.run('cache', 'prune', '--all');
      }
      expect(outcomes).toContain('failed');
    });

    test('in reads, of a store that was filled before', async () => {
      const { project, expected, disk } = await projectOnDisk('cache');
      expect(await project.build()).toMatchObject({ code: 0 });
      await disk.replace();
      expect((await buildFailing(project, expected, disk, 'read', ['cache', 'verify'])).verdict).toEqual([]);
      project.setVariant(1);
      expect(await project.build()).toMatchObject({ code: 0 });
      const other = project.products();
      project.setVariant(0);
      await disk.replace();
      project.setVariant(1);
      expect((await buildFailing(project, other, disk, 'read')).verdict).toEqual([]);
    });
  },
);

async function projectOnDisk(
  folder: string,
): Promise<{ project: FaultProject; expected: Products; disk: FailingDisk }> {
  const project = new FaultProject();
  await project.build();
  const expected = project.products();
  project.wipe();
  mkdirSync(project.path(folder));
  const disk = new FailingDisk(project.path(folder));
  await disk.open();
  return { project, expected, disk };
}

/** Runs a command while the disk fails; what is wrong once it is whole again. */
async function buildFailing(
  project: FaultProject,
  expected: Products,
  disk: FailingDisk,
  fault: DiskFault,
  args = ['build', '--ui=plain'],
): Promise<{ code: number | null; verdict: string[] }> {
  disk.fail(fault);
  const { code, stderr, stdout } = await project.run(...args);
  expect(stderr + stdout, fault).not.toMatch(/a bug in imgpipe|\n\s+at /);
  await disk.replace();
  const verdict = await project.judge(expected, { onMount: true });
  return { code, verdict };
}
