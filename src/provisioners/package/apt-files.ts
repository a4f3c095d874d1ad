import type { Machine } from '../../builders/machine.ts';
import type { PackageRequest, Repository } from './package-manager.ts';

/** Writes the archives, their keys and the preferences of a request into the image. */
export async function configureArchives(request: PackageRequest, machine: Machine): Promise<void> {
  for (const repository of request.repositories) {
    const keyFile = `/etc/apt/keyrings/${repository.name}.asc`;
    if (repository.key !== undefined) await machine.writeFile(keyFile, repository.key, { mode: 0o644 });
    const signedBy = repository.key === undefined ? repository.keyring : keyFile;
    const path = `/etc/apt/sources.list.d/${repository.name}.sources`;
    await machine.writeFile(path, sourcesStanza(repository, signedBy), { mode: 0o644 });
  }
  if (request.preferences.length === 0) return;
  const stanzas = request.preferences.map(
    ({ package: name, pin, priority }) => `Package: ${name}\nPin: ${pin}\nPin-Priority: ${priority}\n`,
  );
  const text = stanzas.join('\n');
  await machine.writeFile(`/etc/apt/preferences.d/50-imgpipe-${stem(request)}.pref`, text, { mode: 0o644 });
}

/** A name that two steps with different preferences do not share. */
function stem(request: PackageRequest): string {
  const words = request.preferences.map((preference) => preference.package.replaceAll(/[^A-Za-z0-9]+/g, '-'));
  return [...new Set(words)].join('-').slice(0, 60);
}

/** One archive in the deb822 form of sources.list(5). */
export function sourcesStanza(repository: Repository, signedBy: string | undefined): string {
  const isFlat = repository.suites.every((suite) => suite.endsWith('/'));
  const fields: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['Types', ['deb']],
    ['URIs', repository.uris],
    ['Suites', repository.suites],
    ['Components', isFlat ? undefined : repository.components],
    ['Architectures', repository.architectures],
    ['Signed-By', signedBy === undefined ? undefined : [signedBy]],
  ];
  return fields
    .map(([name, values]) => (values === undefined ? '' : `${name}: ${values.join(' ')}\n`))
    .join('');
}
