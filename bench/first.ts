import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report, timeInTurn } from './measure.ts';
import { copyProject, ROOT } from './project.ts';

/** The first build with an empty cache; beside a script that calls the same tools in the same order. */
export async function run(): Promise<string> {
  using project = copyProject();
  const work = mkdtempSync(join(tmpdir(), 'imgpipe-floor-'));
  try {
    const floorFolder = join(work, 'floor');
    const timings = await timeInTurn(
      [
        {
          name: 'imgpipe build, empty cache',
          argv: [...project.imgpipe, 'build', 'debian-web', '-only=debian-web/qcow2', '-force'],
          cwd: project.directory,
          before: () => rmSync(join(project.directory, 'cache'), { recursive: true, force: true }),
        },
        {
          name: 'the same by a bash script',
          argv: [
            'sh',
            '-c',
            `mkdir ${floorFolder} && exec ${ROOT}/bench/floor.sh build ${floorFolder} ${ROOT}/pipelines/debian-web`,
          ],
          before: () => rmSync(floorFolder, { recursive: true, force: true }),
        },
      ],
      3,
      0,
    );
    return report('First build', timings);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
