import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { outputManifestSchema } from '../../exporters/output-manifest.ts';
import type { PathDigest } from '../../exporters/path-digest.ts';
import type { Verdict } from '../verify.ts';

/** A verdict; `proof`: a signature stands behind it that was made with a key the user gave. */
export interface Claim extends Verdict {
  readonly proof?: boolean;
}

/** Node's name of each kind of checksum, by the ending of the file. */
const ENDINGS: Readonly<Record<string, string>> = {
  md5: 'md5',
  sha1: 'sha1',
  sha224: 'sha224',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  b2: 'blake2b512',
};

/** What a manifest or a list of checksums says of a file; nothing when it is neither or does not name the file. */
export async function checksumClaims(
  by: string,
  file: string,
  digest: PathDigest,
): Promise<readonly Claim[]> {
  const name = basename(by);
  if (name === 'manifest.json') return manifestClaims(by, file, digest);
  const ending = name === 'SHA256SUMS' ? 'sha256' : name.slice(name.lastIndexOf('.') + 1);
  const algorithm = ENDINGS[ending];
  if (algorithm === undefined || !statSync(by).isFile()) return [];
  const line = readFileSync(by, 'utf8')
    .split('\n')
    .find((each) => each.replace(/^[0-9a-f]+ [ *]/, '') === file);
  if (line === undefined) return [];
  const expected = line.split(' ')[0] ?? '';
  const actual =
    algorithm === 'sha256' ? digest.sha256 : await sumOf(by.slice(0, -name.length) + file, algorithm);
  return [compare(name, ending, expected, actual)];
}

function manifestClaims(by: string, file: string, { sha256, size }: PathDigest): readonly Claim[] {
  const json = readJson(by);
  // Other programs have files of this name as well.
  if (json === undefined) return [{ by: basename(by), verdict: 'wrong', what: 'is damaged: it is no JSON' }];
  const manifest = outputManifestSchema.safeParse(json);
  if (!manifest.success) return [];
  const entry = manifest.data.artifacts.find((artifact) => artifact.file === file);
  if (entry === undefined) return [];
  if (entry.size !== size)
    return [{ by: basename(by), verdict: 'wrong', what: `size is ${size}, not ${entry.size}` }];
  return [compare(basename(by), 'sha256', entry.sha256, sha256)];
}

/** A verdict on a digest. */
export function compare(by: string, kind: string, expected: string, actual: string): Claim {
  return expected === actual
    ? { by, verdict: 'right', what: `${kind} matches` }
    : { by, verdict: 'wrong', what: `${kind} is ${actual}, not ${expected}` };
}

/** JSON of a file; undefined when it is none. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function sumOf(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}
