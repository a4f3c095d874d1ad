import type { Failure } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import { OPEN_APT_CACHE } from '../../sources/apt-cache.ts';
import { movedFolders, REFRESH_LISTS } from '../../sources/archive/locked-lists.ts';
import { archiveMoved, packageGone } from '../../sources/archive/moved.ts';
import { explainApt, missingPackage } from '../../sources/apt-messages.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { describeOutcome, EXCERPT_LINES, isMissingProgram, type ProgramRun } from '../run-program.ts';
import { APT_CONFIG_FILE, APT_FOLDER, APT_LOCKS_FILE } from './apt-script.ts';

/** Runs a script with apt's settings of this step and gives its standard output. */
type Ask = (script: string) => Promise<string>;

/** The failure behind a failed apt run: names the package, version, archive or key that is at fault. */
export async function aptFailure(run: ProgramRun, ask: Ask): Promise<Failure> {
  const failure = { reason: 'package-failed' as const, excerpt: run.lines.slice(-EXCERPT_LINES) };
  const text = run.lines.join('\n');

  if (isMissingProgram(run)) {
    return {
      ...failure,
      message: 'the image has no apt',
      hint: 'Choose a variant of the source that has it, e.g. minbase.',
    };
  }
  const moved = movedFolders(run.lines);
  if (moved.length > 0) return archiveMoved(moved);
  const gone = packageGone(text);
  if (gone !== undefined) return { ...failure, ...gone };
  const name = missingPackage(text);
  if (name !== undefined) {
    const hint = hintFor(name, await knownNames(ask));
    return { ...failure, message: `package "${name}" does not exist in the configured archives`, hint };
  }
  const version = /E: Version '([^']+)' for '([^']+)' was not found/.exec(text);
  if (version?.[1] !== undefined && version[2] !== undefined) {
    const versions = await versionsOf(version[2], ask);
    return {
      ...failure,
      message: `package "${version[2]}" has no version "${version[1]}" in the configured archives`,
      ...(versions.length > 0 ? { hint: `There is ${versions.slice(0, 5).join(', ')}.` } : {}),
    };
  }
  return { ...failure, ...(explainApt(text) ?? { message: describeOutcome('apt', run.outcome) }) };
}

function hintFor(name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  return near === undefined
    ? 'Check the name, the components of the source, or add a repository.'
    : `Did you mean "${near}"?`;
}

/** Names in the index that the failed run had. */
async function knownNames(ask: Ask): Promise<string[]> {
  const output = await ask(withLists('apt-cache pkgnames'));
  return output.split('\n').filter((line) => line !== '');
}

async function versionsOf(name: string, ask: Ask): Promise<string[]> {
  const output = await ask(withLists(`apt-cache madison ${shellQuote(name)}`));
  return [...new Set(output.split('\n').flatMap((line) => line.split('|')[1]?.trim() ?? []))];
}

const withLists = (
  command: string,
): string => `cache=${APT_FOLDER} run=${APT_FOLDER}/$1 locks=${APT_LOCKS_FILE}
trap 'rm -rf "$run"' EXIT
${OPEN_APT_CACHE}
${REFRESH_LISTS}
refresh_lists apt-get -c ${APT_CONFIG_FILE} update > /dev/null
${command.replace(' ', ` -c ${APT_CONFIG_FILE} `)}`;
