import { readdir, readFile } from 'node:fs/promises';
import type { Architecture } from '../../model/platform.ts';
import { hostArchitecture } from '../../model/platform.ts';
import { parseDeb822, parseOneLine, type AptSource } from './apt-sources.ts';
import { KEYRINGS, type Distribution } from './releases.ts';

/** What is looked for in the host's configuration. */
export interface Wanted {
  readonly suite: string;
  readonly distribution: Distribution;
  readonly components: readonly string[];
  readonly architecture: Architecture;
}

/** All archives the host's own apt is configured for, in apt's order of files. */
export async function hostSources(folder = '/etc/apt'): Promise<AptSource[]> {
  const parts = await readdir(`${folder}/sources.list.d`).catch(() => []);
  const files = ['sources.list', ...parts.toSorted().map((name) => `sources.list.d/${name}`)];
  const texts = await Promise.all(
    files.map(async (name) => ({ name, text: await readFile(`${folder}/${name}`, 'utf8').catch(() => '') })),
  );
  return texts.flatMap(({ name, text }) => {
    if (name.endsWith('.sources')) return parseDeb822(text);
    return name.endsWith('.list') ? parseOneLine(text) : [];
  });
}

/**
 * The host's archives for a release with its updates and security suites, or undefined when the host has none that
 * holds the release itself. Archives of others that use the same suite name (vendors' repositories) are left out:
 * they have a key of their own or no `main` component.
 */
export function sourcesFor(wanted: Wanted, host: readonly AptSource[]): AptSource[] | undefined {
  if (wanted.distribution === 'ubuntu' && isPort(wanted.architecture) !== isPort(hostArchitecture()))
    return undefined;
  const { suite } = wanted;
  const suites = [suite, `${suite}-updates`, `${suite}-security`, `${suite}/updates`];
  const fitting = host.flatMap((source): AptSource[] => {
    const kept = source.suites.filter((name) => suites.includes(name));
    const isOwn = source.signedBy === undefined || source.signedBy.includes(`${wanted.distribution}-archive`);
    const hasArchitecture = source.architectures?.includes(wanted.architecture) ?? true;
    if (kept.length === 0 || !isOwn || !hasArchitecture || !source.components.includes('main')) return [];
    const { architectures: _, ...rest } = source;
    const signedBy = source.signedBy ?? KEYRINGS[wanted.distribution].path;
    return [{ ...rest, suites: kept, components: wanted.components, signedBy }];
  });
  return fitting.some((source) => source.suites.includes(suite)) ? fitting : undefined;
}

/** Ubuntu keeps all but amd64 and i386 in another archive. */
const isPort = (architecture: Architecture | undefined): boolean =>
  architecture !== 'amd64' && architecture !== 'i386';
