import { access } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import type { BootstrapOptions } from '../bootstrap.ts';
import type { SourceRunContext } from '../source.ts';
import type { AptSource } from './apt-sources.ts';
import { hostSources, sourcesFor } from './host-sources.ts';
import { mirrorSources } from './references.ts';
import { distributionOf, KEYRINGS, unknownRelease, type Distribution } from './releases.ts';

/** Where a bootstrap takes its packages from. */
export interface Archive {
  readonly distribution: Distribution | undefined;
  /** Entries with the host's keyring paths; undefined leaves the choice to mmdebstrap. */
  readonly sources: readonly AptSource[] | undefined;
  /** Host path of the user's own keyring, which the image gets too. */
  readonly ownKeyring?: string;
}

/** What `hostSources` reads, replaceable in tests. */
export interface HostView {
  readonly sources: () => Promise<readonly AptSource[]>;
  readonly exists: (path: string) => Promise<boolean>;
}

const REAL_HOST: HostView = {
  sources: hostSources,
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
};

/**
 * Chooses the archive: the mirrors of the template, else the host's own for this release, else mmdebstrap's default.
 * @throws FailureError `source-failed` for an unknown release or a missing keyring, `input-missing`
 */
export async function chooseArchive(
  options: BootstrapOptions,
  context: Pick<SourceRunContext, 'architecture' | 'resolvePath'>,
  host: HostView = REAL_HOST,
): Promise<Archive> {
  const { suite, components } = options;
  const distribution = options.distribution === 'auto' ? await distributionOf(suite) : options.distribution;
  const ownKeyring = options.keyring === undefined ? undefined : context.resolvePath(options.keyring);
  if (ownKeyring !== undefined && !(await host.exists(ownKeyring))) {
    throw new FailureError({ reason: 'input-missing', message: `keyring: ${ownKeyring} does not exist` });
  }
  if (distribution === undefined && options.mirrors === undefined) throw unknownRelease(suite);
  const keyring = ownKeyring ?? (distribution && KEYRINGS[distribution].path);
  const own = ownKeyring === undefined ? {} : { ownKeyring };

  const mirrors = mirrorSources(options);
  if (mirrors !== undefined) {
    const signed = mirrors.map((source) => withKeyring(source, keyring));
    await requireKeyrings(signed, distribution, host);
    return { distribution, sources: signed, ...own };
  }
  if (distribution === undefined) throw unknownRelease(suite);
  const wanted = { suite, distribution, components, architecture: context.architecture };
  const fromHost = sourcesFor(wanted, await host.sources());
  const sources = fromHost?.map((source) =>
    ownKeyring === undefined ? source : { ...source, signedBy: ownKeyring },
  );
  await requireKeyrings(
    sources ?? [{ uris: [], suites: [], components: [], signedBy: KEYRINGS[distribution].path }],
    distribution,
    host,
  );
  return { distribution, sources, ...own };
}

function withKeyring(source: AptSource, keyring: string | undefined): AptSource {
  if (source.signedBy !== undefined || source.trusted === true || keyring === undefined) return source;
  return { ...source, signedBy: keyring };
}

async function requireKeyrings(
  sources: readonly AptSource[],
  distribution: Distribution | undefined,
  host: HostView,
): Promise<void> {
  for (const { signedBy } of sources) {
    // A fingerprint or an embedded key names no file.
    if (signedBy?.startsWith('/') !== true || (await host.exists(signedBy))) continue;
    const known = distribution === undefined ? undefined : KEYRINGS[distribution];
    throw new FailureError({
      reason: 'source-failed',
      message: `the keyring ${signedBy}, which signs the archive, does not exist on this host`,
      hint:
        known?.path === signedBy
          ? `Install the package ${known.package}, or name another file as \`keyring\`.`
          : 'Name the file with the public keys as `keyring`.',
    });
  }
}
