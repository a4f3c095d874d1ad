import { join } from 'node:path';
import { startDockerPeer } from './docker-peer.ts';
import { report, timeInTurn, timeOnce } from './measure.ts';
import { copyProject, layersOf } from './project.ts';

/** Nothing changed: the sample with its three exports, beside `docker build` with every step cached. */
export async function run(): Promise<string> {
  using project = copyProject();
  const build = {
    name: 'imgpipe build, nothing changed',
    argv: [...project.imgpipe, 'build', 'debian-web', '-except=debian-web/boot'],
    cwd: project.directory,
  };
  await timeOnce(build);
  await using peer = await startDockerPeer(join(layersOf(project)[0] ?? '', 'tree'));
  const bare = { name: 'node -e 0 (the floor of any Node program)', argv: [process.execPath, '-e', '0'] };
  const commands = peer === undefined ? [build, bare] : [build, peer.build, bare];
  const timings = await timeInTurn(commands, 15, 2);
  const note = peer === undefined ? '\n  (Docker is not installed: apt-get install docker.io)' : '';
  return report('Nothing changed (whole process)', timings) + note;
}
