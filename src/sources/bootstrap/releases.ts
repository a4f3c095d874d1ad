import { readFile } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';

export type Distribution = 'debian' | 'ubuntu';

/** Release names by distribution; names that are missing here come from the host's distro-info data. */
const RELEASES: Record<Distribution, readonly string[]> = {
  debian: [
    'jessie',
    'stretch',
    'buster',
    'bullseye',
    'bookworm',
    'trixie',
    'forky',
    'sid',
    'experimental',
    'oldoldstable',
    'oldstable',
    'stable',
    'testing',
    'unstable',
  ],
  ubuntu: [
    'trusty',
    'xenial',
    'bionic',
    'focal',
    'jammy',
    'noble',
    'oracular',
    'plucky',
    'questing',
    'resolute',
    'devel',
  ],
};

/** The keyring that signs a distribution's archive, and the package that brings it. */
export const KEYRINGS: Record<Distribution, { readonly path: string; readonly package: string }> = {
  debian: { path: '/usr/share/keyrings/debian-archive-keyring.gpg', package: 'debian-archive-keyring' },
  ubuntu: { path: '/usr/share/keyrings/ubuntu-archive-keyring.gpg', package: 'ubuntu-keyring' },
};

/** Names of all releases that are known without looking anywhere. */
export const releaseNames = (): readonly string[] => Object.values(RELEASES).flat();

/** Whose release a suite is by the names that are known without looking anywhere. */
export function knownDistribution(suite: string): Distribution | undefined {
  return (['debian', 'ubuntu'] as const).find((distribution) => RELEASES[distribution].includes(suite));
}

/** Whose release a suite is, or undefined when nobody knows the name. */
export async function distributionOf(suite: string): Promise<Distribution | undefined> {
  const known = knownDistribution(suite);
  if (known !== undefined) return known;
  for (const distribution of ['debian', 'ubuntu'] as const) {
    if ((await distroInfo(distribution)).includes(suite)) return distribution;
  }
  return undefined;
}

/** Release names in the data of the package distro-info-data: a CSV table with the column `series`. */
async function distroInfo(distribution: Distribution): Promise<readonly string[]> {
  try {
    const [header = '', ...rows] = (
      await readFile(`/usr/share/distro-info/${distribution}.csv`, 'utf8')
    ).split('\n');
    const column = header.split(',').indexOf('series');
    return rows.flatMap((row) => row.split(',')[column] ?? []);
  } catch {
    return [];
  }
}

export function unknownRelease(suite: string): FailureError {
  const near = nearestName(suite, releaseNames());
  return new FailureError({
    reason: 'source-failed',
    message: `"${suite}" is no release of Debian or Ubuntu that is known here`,
    hint: near === undefined ? 'Name `distribution`, or `mirrors` that have it.' : `Did you mean "${near}"?`,
  });
}
