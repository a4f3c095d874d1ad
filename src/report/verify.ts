import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { digestOfPath, type PathDigest } from '../exporters/path-digest.ts';
import { checksumClaims, type Claim } from './verify/digests.ts';
import { documentClaims } from './verify/documents.ts';
import { readKeys, type PublicKeys } from './verify/keys.ts';
import { checkSignature, isSignature } from './verify/signatures.ts';

/** What one file beside an artifact says of it. */
export interface Verdict {
  /** Name of the file that says it. */
  readonly by: string;
  /** `unchecked`: a signature for which there is no key. */
  readonly verdict: 'right' | 'wrong' | 'unchecked';
  /** In a phrase. */
  readonly what: string;
}

export interface Verification {
  readonly file: string;
  readonly sha256: string;
  readonly verdicts: readonly Verdict[];
}

/**
 * Compares an artifact with everything that lies beside it and speaks of it: manifest, checksums, provenance, bill of
 * materials, signatures of it and of the checksums; and those files with what the others of them say.
 * @param keyFiles public keys; PEM, minisign or OpenPGP
 * @returns `input-missing`; `verify-failed` when something does not match, when nothing speaks of the file, or when keys
 *     were given and no signature was checked with them. The verification comes along in any case but the first.
 */
export async function verifyArtifact(
  path: string,
  options: { readonly keyFiles: readonly string[]; readonly signal: AbortSignal },
): Promise<Result<{ readonly verification: Verification; readonly failures: readonly Failure[] }>> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    return fail({ reason: 'input-missing', message: `${path} does not exist` });
  }
  const keys = readKeys(options.keyFiles);
  if (!keys.ok) return keys;
  const digest = await digestOfPath(path, options.signal);
  const folder = dirname(path);
  const names = readdirSync(folder).toSorted();
  const claimsOf = async (file: string, sum: PathDigest, from: readonly string[]): Promise<Claim[]> => {
    const claims = from.map(async (name) => [
      ...(await checksumClaims(join(folder, name), file, sum)),
      ...documentClaims(join(folder, name), file, sum, keys.value),
    ]);
    return (await Promise.all(claims)).flat();
  };
  const claims = await claimsOf(basename(path), digest, names);
  const signatures = await signaturesOf(path, claims, { names, keys: keys.value, signal: options.signal });
  // What speaks of the artifact must be as the others that do say: a changed bill of materials still names the image.
  const found = [...claims, ...signatures];
  const wrong = new Set(found.filter(({ verdict }) => verdict === 'wrong').map(({ by }) => by));
  const others = names.filter((name) => !wrong.has(name));
  for (const name of new Set(found.map(({ by }) => by))) {
    const sum = await digestOfPath(join(folder, name), options.signal);
    const more = await claimsOf(name, sum, others);
    const changed = more.filter(({ verdict }) => verdict === 'wrong');
    claims.push(...changed.map((claim) => ({ ...claim, what: `${name}: ${claim.what}` })));
  }
  const verdicts = [...claims, ...signatures].map(({ by, verdict, what }) => ({ by, verdict, what }));
  const verification = { file: path, sha256: digest.sha256, verdicts };
  return ok({ verification, failures: judge(verification, options.keyFiles, signatures, claims) });
}

/** Signatures of the file itself and of the files that speak of it. */
async function signaturesOf(
  path: string,
  claims: readonly Claim[],
  context: { readonly names: readonly string[]; readonly keys: PublicKeys; readonly signal: AbortSignal },
): Promise<readonly Claim[]> {
  const signed = [basename(path), ...new Set(claims.map(({ by }) => by))];
  const found: Claim[] = [];
  for (const name of signed) {
    for (const signature of context.names) {
      if (!isSignature(signature, name)) continue;
      const folder = dirname(path);
      found.push(await checkSignature(join(folder, signature), join(folder, name), context));
    }
  }
  return found;
}

function judge(
  { file, verdicts }: Verification,
  keyFiles: readonly string[],
  signatures: readonly Claim[],
  claims: readonly Claim[],
): readonly Failure[] {
  const name = basename(file);
  if (verdicts.length === 0) {
    return [
      {
        reason: 'verify-failed',
        message: `nothing beside ${name} says what it must be`,
        hint: 'Keep manifest.json, SHA256SUMS or what post-processors made of it in the same folder.',
      },
    ];
  }
  const wrong = verdicts.filter(({ verdict }) => verdict === 'wrong');
  if (wrong.length > 0)
    return wrong.map(({ by, what }) => ({ reason: 'verify-failed', message: `${name}: ${by}: ${what}` }));
  const isProven = [...signatures, ...claims].some(
    ({ verdict, proof }) => verdict === 'right' && proof === true,
  );
  if (keyFiles.length === 0 || isProven) return [];
  return [
    {
      reason: 'verify-failed',
      message: `${name}: no signature was made with the keys given by --key`,
      hint: 'Checksums alone prove nothing: who can change the image can change them.',
    },
  ];
}
