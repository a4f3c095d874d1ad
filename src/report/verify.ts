import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { digestOfPath, type PathDigest } from '../exporters/path-digest.ts';
import { outputManifestSchema } from '../exporters/output-manifest.ts';
import { isErrno } from '../util/atomic-file.ts';
import { checksumClaims, readJson, type Claim } from './verify/digests.ts';
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
 * Files that stand for a path: of an output folder everything that its manifest names, there or not; of a link such as
 * `latest` what it leads to.
 */
export function artifactsAt(path: string): readonly string[] {
  const manifest = outputManifestSchema.safeParse(readJson(join(path, 'manifest.json')));
  if (manifest.success) return manifest.data.artifacts.map(({ file }) => join(path, file));
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return [isLink && statSync(path, { throwIfNoEntry: false }) !== undefined ? realpathSync(path) : path];
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
  const digest = await digestOrFailure(path, options.signal);
  if (!digest.ok) return digest;
  const folder = dirname(path);
  const names = readdirSync(folder).toSorted();
  const claimsOf = async (file: string, sum: PathDigest, from: readonly string[]): Promise<Claim[]> => {
    const claims = from.map(async (name) => [
      ...(await checksumClaims(join(folder, name), file, sum)),
      ...documentClaims(join(folder, name), file, sum, keys.value),
    ]);
    return (await Promise.all(claims)).flat();
  };
  const claims = await claimsOf(basename(path), digest.value, names);
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
  const verification = { file: path, sha256: digest.value.sha256, verdicts };
  if (verdicts.length === 0) return ok({ verification, failures: [unknown(verification)] });
  return ok({ verification, failures: judge(verification, options.keyFiles, signatures, claims) });
}

/** Somewhere in a folder something may be that this user cannot read. @returns `verify-failed` */
async function digestOrFailure(path: string, signal: AbortSignal): Promise<Result<PathDigest>> {
  try {
    return ok(await digestOfPath(path, signal));
  } catch (cause) {
    if (!isErrno(cause, 'EACCES', 'EPERM', 'EIO', 'ENOENT')) throw cause;
    const message = `${path} cannot be read: ${(cause as Error).message}`;
    return fail({ reason: 'verify-failed', message, cause });
  }
}

/** The failure of a file of which nothing speaks; a renamed one is told from an unknown one. */
function unknown({ file, sha256 }: Verification): Failure {
  const name = basename(file);
  const sums = join(dirname(file), 'SHA256SUMS');
  const text = statSync(sums, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(sums, 'utf8') : '';
  const known = text.split('\n').find((line) => line.startsWith(`${sha256}  `));
  if (existsSync(join(file, 'manifest.json'))) {
    const message = `${name}: its manifest.json is not as a build wrote it`;
    return { reason: 'verify-failed', message, hint: 'Build again, or verify its files one by one.' };
  }
  return {
    reason: 'verify-failed',
    message: `nothing beside ${name} says what it must be`,
    hint:
      known === undefined
        ? 'Keep manifest.json, SHA256SUMS or what post-processors made of it in the same folder.'
        : `SHA256SUMS has the same bytes under the name ${known.slice(sha256.length + 2)}: files are checked under the name that they were made with.`,
  };
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
  const [wrong, ...more] = verdicts.filter(({ verdict }) => verdict === 'wrong');
  if (wrong !== undefined) {
    const others = more.length === 0 ? '' : `; ${more.length} more of ${verdicts.length} checks failed`;
    return [{ reason: 'verify-failed', message: `${name}: ${wrong.by}: ${wrong.what}${others}` }];
  }
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
