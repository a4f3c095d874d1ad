import type { Failure } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { describeOutcome, EXCERPT_LINES, type ProgramRun } from '../run-program.ts';
import { APT_CONFIG_FILE } from './apt-script.ts';

/** Runs a script with apt's settings of this step and gives its standard output. */
type Ask = (script: string) => Promise<string>;

/** The failure behind a failed apt run: names the package, version, archive or key that is at fault. */
export async function aptFailure(run: ProgramRun, ask: Ask): Promise<Failure> {
  const failure = { reason: 'package-failed' as const, excerpt: run.lines.slice(-EXCERPT_LINES) };
  const text = run.lines.join('\n');

  const missing = /E: Unable to locate package (\S+)|E: Package '([^']+)' has no installation candidate/.exec(text);
  const name = missing?.[1] ?? missing?.[2];
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
  return { ...failure, ...fromPatterns(text), ...(hasPattern(text) ? {} : { message: describeOutcome('apt', run.outcome) }) };
}

interface Pattern {
  readonly expression: RegExp;
  readonly message: (match: RegExpExecArray) => string;
  readonly hint?: string;
}

const PATTERNS: readonly Pattern[] = [
  {
    expression: /(?:Temporary failure resolving|Could not resolve) '([^']+)'/,
    message: (match) => `the archive at ${match[1]} cannot be reached: its name is not found`,
    hint: 'Check the network, or set `mirrors` of the source.',
  },
  {
    expression: /(?:Could not connect to|Cannot initiate the connection to|Connection timed out|Unable to connect to) ?([^\s(]*)/,
    message: (match) => `the archive ${match[1] === undefined || match[1] === '' ? '' : `at ${match[1]} `}cannot be reached`,
    hint: 'Check the network and the proxy settings of this host\'s apt.',
  },
  {
    expression: /NO_PUBKEY ([0-9A-F]{8,})/,
    message: (match) => `an archive is signed by the key ${match[1]}, which the image does not know`,
    hint: 'Give the repository a `key`.',
  },
  {
    expression: /The repository '([^']+)' (?:is not signed|does not have a Release file|is no longer signed)/,
    message: (match) => `the archive "${match[1]}" has no signed index`,
    hint: 'Check the address, the suite and the key of the repository.',
  },
  {
    expression: /Release file for (\S+) is expired/,
    message: (match) => `the index ${match[1]} is past its date`,
    hint: 'For an archive that stands still, set Acquire::Check-Valid-Until "false" in this host\'s apt configuration.',
  },
  {
    expression: /E: Failed to fetch (\S+)\s+(.*)/,
    message: (match) => `${match[1]} cannot be fetched: ${match[2]}`,
  },
  {
    expression: /The following packages have unmet dependencies:\n\s*(.+)/,
    message: (match) => `the packages cannot be installed together: ${match[1]?.trim()}`,
  },
  {
    expression: /dpkg: error processing (?:package|archive) (\S+) \(--(\w+)\)/,
    message: (match) => `the package ${match[1]} failed to ${match[2]}`,
    hint: 'The lines above are the output of its own scripts.',
  },
  {
    expression: /No space left on device/,
    message: () => 'no space is left on the disk',
    hint: 'Free some space, or run `imgpipe cache prune`.',
  },
];

function fromPatterns(text: string): { message: string; hint?: string } {
  for (const { expression, message, hint } of PATTERNS) {
    const match = expression.exec(text);
    if (match !== null) return { message: message(match), ...(hint === undefined ? {} : { hint }) };
  }
  return { message: '' };
}

const hasPattern = (text: string): boolean => PATTERNS.some(({ expression }) => expression.test(text));

function hintFor(name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  return near === undefined ? 'Check the name, the components of the source, or add a repository.' : `Did you mean "${near}"?`;
}

/** Names in the index of the failed run, which a later call of apt still finds in the kept lists. */
async function knownNames(ask: Ask): Promise<string[]> {
  const output = await ask(withLists('apt-cache pkgnames'));
  return output.split('\n').filter((line) => line !== '');
}

async function versionsOf(name: string, ask: Ask): Promise<string[]> {
  const output = await ask(withLists(`apt-cache madison ${shellQuote(name)}`));
  return [...new Set(output.split('\n').flatMap((line) => line.split('|')[1]?.trim() ?? []))];
}

const withLists = (command: string): string => `run=/run/imgpipe/apt/$1
trap 'rm -rf "$run"' EXIT
mkdir -p "$run/lists/partial" "$run/archives/partial"
find /run/imgpipe/apt/lists -maxdepth 1 -type f -exec cp -l -t "$run/lists" {} +
${command.replace(' ', ` -c ${APT_CONFIG_FILE} `)}`;
