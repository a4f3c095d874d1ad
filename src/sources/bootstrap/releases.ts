import { readFile } from 'node:fs/promises';

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

/** Whose release a suite is, or undefined when nobody knows the name. */
export async function distributionOf(suite: string): Promise<Distribution | undefined> {
  for (const distribution of ['debian', 'ubuntu'] as const) {
    if (RELEASES[distribution].includes(suite)) return distribution;
  }
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
