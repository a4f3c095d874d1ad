import type { Failure } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { ExecOutcome } from '../../util/exec.ts';
import { archiveMoved, packageGone } from '../archive/moved.ts';
import { movedFolders } from '../archive/locked-lists.ts';
import { explainApt, missingPackage } from '../apt-messages.ts';
import type { BootstrapOptions } from '../bootstrap.ts';
import { releaseNames } from './releases.ts';

const EXCERPT_LINES = 20;

/** The failure behind a failed bootstrap. */
export function bootstrapFailure(
  outcome: ExecOutcome,
  lines: readonly string[],
  options: BootstrapOptions,
): Failure {
  const text = lines.join('\n');
  if (/mmdebstrap: not found/.test(text)) {
    return {
      reason: 'tool-missing',
      message: 'mmdebstrap is not installed',
      hint: 'Install the package mmdebstrap; `imgpipe doctor` shows all that is missing.',
    };
  }
  if (/install arch-test for foreign|can neither be executed natively nor via qemu/.test(text)) {
    return {
      reason: 'tool-missing',
      message: 'this host cannot run programs of the architecture of the image',
      excerpt: excerptOf(lines),
      hint: 'Install arch-test, qemu-user-static and binfmt-support, or build on a machine of that architecture.',
    };
  }
  const failure = { reason: 'source-failed' as const, excerpt: excerptOf(lines) };
  const moved = movedFolders(lines);
  if (moved.length > 0) return archiveMoved(moved);
  const noSuite = /The repository '(\S+) (\S+) Release' does not have a Release file/.exec(text);
  if (noSuite?.[2] !== undefined) {
    const near = nearestName(
      noSuite[2],
      releaseNames().filter((name) => name !== noSuite[2]),
    );
    return {
      ...failure,
      message: `the archive ${noSuite[1]} has no release "${noSuite[2]}"`,
      hint: near === undefined ? 'Check `suite` and `mirrors`.' : `Did you mean "${near}"?`,
    };
  }
  const name = missingPackage(text);
  if (name !== undefined) {
    return {
      ...failure,
      message: `package "${name}" does not exist in ${options.suite} (${options.components.join(', ')})`,
      hint: 'Check `packages` and `components`.',
    };
  }
  const gone = packageGone(text);
  if (gone !== undefined) return { ...failure, ...gone };
  const known = explainApt(text);
  if (known !== undefined) return { ...failure, ...known };
  const end =
    outcome.type === 'exited'
      ? `exit code ${outcome.code}`
      : outcome.type === 'signaled'
        ? outcome.signal
        : 'a timeout';
  const last = lines.findLast((line) => line.startsWith('E: '));
  return {
    ...failure,
    message: last === undefined ? `mmdebstrap ended with ${end}` : `mmdebstrap: ${last.slice(3)}`,
  };
}

/** The last lines, without mmdebstrap's own notes on cleaning up. */
function excerptOf(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.trim() !== '' && !line.startsWith('I: ')).slice(-EXCERPT_LINES);
}
