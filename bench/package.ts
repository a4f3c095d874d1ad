import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report, timeInTurn, timeOnce } from './measure.ts';
import { copyProject, layersOf, ROOT } from './project.ts';

/** Small packages of about the same size; another one each time, as one that was added before is cached. */
const ADDED = ['less', 'nano', 'file', 'tree', 'patch', 'bc', 'ed', 'psmisc'];
const RUNS = 5;

/**
 * One package added to the sample's list, to a new bootable qcow2, with `--grow`; beside apt-get that installs that package
 * alone in a chroot of the same image.
 */
export async function run(): Promise<string> {
  using project = copyProject();
  const template = join(project.directory, 'pipelines', 'debian-web', 'pipeline.ts');
  const original = readFileSync(template, 'utf8');
  const build = {
    name: 'imgpipe build --grow, one package added',
    argv: [...project.imgpipe, 'build', 'debian-web', '--grow', '-only=debian-web/qcow2'],
    cwd: project.directory,
  };
  await timeOnce({ ...build, name: 'first build' });
  const work = mkdtempSync(join(tmpdir(), 'imgpipe-apt-'));
  const root = join(work, 'root');
  for (const name of ['root', 'upper', 'work']) mkdirSync(join(work, name));
  const lowers = layersOf(project)
    .toReversed()
    .map((layer) => join(layer, 'tree'));
  const overlay = `userxattr,lowerdir=${lowers.join(':')},upperdir=${work}/upper,workdir=${work}/work`;
  execFileSync('mount', ['-t', 'overlay', '-o', overlay, 'overlay', root]);
  try {
    writeFileSync(join(root, 'etc', 'resolv.conf'), readFileSync('/etc/resolv.conf'));
    let at = -1;
    const added = (): string => ADDED[at % ADDED.length] ?? '';
    const script = join(ROOT, 'bench', 'apt-install.sh');
    const timings = await timeInTurn(
      [
        {
          ...build,
          before: () => {
            at += 1;
            writeFileSync(
              template,
              original.replace("'ca-certificates',", `'ca-certificates', '${added()}',`),
            );
          },
        },
        {
          name: 'apt-get update and install of it alone',
          argv: [script, root],
          before: () => writeFileSync(join(root, 'package'), added()),
        },
      ],
      RUNS,
    );
    return report('One package added', timings);
  } finally {
    execFileSync('umount', [root]);
    rmSync(work, { recursive: true, force: true });
  }
}
