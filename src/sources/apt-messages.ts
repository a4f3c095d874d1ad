/** What a line of apt's or dpkg's output means to the user. */
export interface AptMessage {
  readonly message: string;
  readonly hint?: string;
}

interface Pattern {
  readonly expression: RegExp;
  readonly message: (match: RegExpExecArray) => string;
  readonly hint?: string;
}

/** In order of weight: the first that matches is the cause, later ones are its consequences. */
const PATTERNS: readonly Pattern[] = [
  {
    expression: /No space left on device/,
    message: () => 'no space is left on the disk',
    hint: 'Free some space, or run `imgpipe cache prune`.',
  },
  {
    expression: /(?:Temporary failure resolving|Could not resolve) '([^']+)'/,
    message: (match) => `the archive at ${match[1]} cannot be reached: its name is not found`,
    hint: 'Check the network, or set `mirrors` of the source.',
  },
  {
    expression: /(?:Could not connect to|Cannot initiate the connection to|Unable to connect to) ([^\s(]+)/,
    message: (match) => `the archive at ${match[1]} cannot be reached`,
    hint: "Check the network and the proxy settings of this host's apt.",
  },
  {
    expression: /NO_PUBKEY ([0-9A-F]{8,})/,
    message: (match) => `an archive is signed by the key ${match[1]}, which is not known`,
    hint: 'Name its key: `key` of a repository, `keyring` of a bootstrap.',
  },
  {
    expression: /The repository '([^']+)' (?:is not signed|does not have a Release file|is no longer signed)/,
    message: (match) => `the archive has no signed index for "${match[1]}"`,
    hint: 'Check the address, the suite and the key.',
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
];

/** The cause that the output names, if it is one that is known. */
export function explainApt(text: string): AptMessage | undefined {
  for (const { expression, message, hint } of PATTERNS) {
    const match = expression.exec(text);
    if (match !== null) return { message: message(match), ...(hint === undefined ? {} : { hint }) };
  }
  return undefined;
}

/** Name of a package that the output says does not exist. */
export function missingPackage(text: string): string | undefined {
  const match = /E: Unable to locate package (\S+)|E: Package '([^']+)' has no installation candidate/.exec(
    text,
  );
  return match?.[1] ?? match?.[2];
}
