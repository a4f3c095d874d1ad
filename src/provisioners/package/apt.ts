import { randomBytes } from 'node:crypto';
import type { Machine, MachineCommand, MachineMount } from '../../builders/machine.ts';
import { capture, FailureError, unwrap, type Result } from '../../diagnostics/failure.ts';
import { aptCacheId } from '../../sources/apt-cache.ts';
import { lockedLists } from '../../sources/archive/locked-lists.ts';
import { hostAptSettings, hostProxyEnvironment } from '../../util/host-apt.ts';
import type { StepRunContext } from '../provisioner.ts';
import { mustRun, programCommand, runProgram, shellCommand } from '../run-program.ts';
import { aptFailure } from './apt-errors.ts';
import { configureArchives } from './apt-files.ts';
import { AptProgress } from './apt-progress.ts';
import { APT_CONFIG_FILE, APT_FOLDER, APT_LOCKS_FILE, aptConfig, aptScript } from './apt-script.ts';
import type { PackageManager, PackageRequest } from './package-manager.ts';

/** Debian, Ubuntu and their children. */
export const aptManager: PackageManager = { name: 'apt', distributions: ['debian', 'ubuntu'], apply };

function apply(request: PackageRequest, machine: Machine, context: StepRunContext): Promise<Result<void>> {
  return capture(async () => {
    await configureArchives(request, machine);
    if (request.debconf.length > 0) await answerQuestions(request, machine);
    const release = await machine.osRelease();
    const runFolder = `run-${randomBytes(6).toString('hex')}`;
    const mounts: readonly MachineMount[] = [
      { type: 'cache', id: aptCacheId(release['ID'] ?? 'unknown'), target: APT_FOLDER, mode: 0o755 },
      {
        // In memory and not on the command line, because a proxy's address may hold a password.
        type: 'secret',
        target: APT_CONFIG_FILE,
        value: aptConfig(request, runFolder, await hostAptSettings()),
        mode: 0o644,
      },
      {
        type: 'secret',
        target: APT_LOCKS_FILE,
        value: lockedLists(
          (context.archives ?? []).flatMap(({ releases }) => releases),
          context.architecture,
        ),
        mode: 0o644,
      },
    ];
    const inApt = (script: string): MachineCommand => ({
      ...shellCommand(script, runFolder),
      env: {
        ...hostProxyEnvironment(),
        DEBIAN_FRONTEND: 'noninteractive',
        DEBCONF_NONINTERACTIVE_SEEN: 'true',
        UCF_FORCE_CONFFOLD: '1',
        LC_ALL: 'C.UTF-8',
      },
      mounts,
    });
    const progress = new AptProgress((done, total) => context.progress(done, total, 'packages'));
    const run = await runProgram(machine, inApt(aptScript(request)), (line) => progress.line(line));
    if (run.outcome.type === 'exited' && run.outcome.code === 0) return;
    if (context.signal.aborted)
      throw new FailureError({ reason: 'package-failed', message: 'apt was stopped' });
    // A second look with the index of this run: the names that there are, the versions of a package.
    const ask = async (script: string): Promise<string> => (await runProgram(machine, inApt(script))).stdout;
    throw new FailureError(await aptFailure(run, ask));
  });
}

async function answerQuestions(request: PackageRequest, machine: Machine): Promise<void> {
  const lines = request.debconf.map(
    ({ package: name, question, type, value }) => `${name} ${question} ${type} ${value}\n`,
  );
  const command = { ...programCommand('debconf-set-selections'), stdin: lines.join('') };
  unwrap(await mustRun(machine, command, 'debconf-set-selections', { reason: 'package-failed' }));
}
