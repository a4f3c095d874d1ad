import { verify } from 'node:crypto';
import { basename } from 'node:path';
import * as z from 'zod';
import type { PathDigest } from '../../exporters/path-digest.ts';
import { preAuthentication, STATEMENT_MEDIA_TYPE } from '../../post-processors/provenance/envelope.ts';
import { PREDICATE_TYPE, STATEMENT_TYPE } from '../../post-processors/provenance/statement.ts';
import { compare, readJson, type Claim } from './digests.ts';
import type { PublicKeys } from './keys.ts';

const statementSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    buildDefinition: z.object({ resolvedDependencies: z.array(z.unknown()) }),
    runDetails: z.object({ builder: z.object({ id: z.string() }) }),
  }),
});

const envelopeSchema = z.object({
  payloadType: z.literal(STATEMENT_MEDIA_TYPE),
  payload: z.base64(),
  signatures: z.array(z.object({ sig: z.base64() })).min(1),
});

const spdxSchema = z.object({
  spdxVersion: z.literal('SPDX-2.3'),
  packages: z.array(
    z.object({
      packageFileName: z.string().optional(),
      checksums: z.array(z.object({ algorithm: z.string(), checksumValue: z.string() })).optional(),
    }),
  ),
});

const cyclonedxSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.object({
    component: z.object({
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })).optional(),
      properties: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
    }),
  }),
});

/** What provenance or a bill of materials says of a file; nothing when the document is neither or names another file. */
export function documentClaims(
  by: string,
  file: string,
  digest: PathDigest,
  keys: PublicKeys,
): readonly Claim[] {
  if (by.endsWith('.provenance.json')) return statementClaims(basename(by), readJson(by), file, digest);
  if (by.endsWith('.intoto.jsonl')) return envelopeClaims(by, file, digest, keys);
  if (by.endsWith('.spdx.json')) return spdxClaims(by, file, digest);
  return by.endsWith('.cdx.json') ? cyclonedxClaims(by, file, digest) : [];
}

function statementClaims(by: string, json: unknown, file: string, { sha256 }: PathDigest): readonly Claim[] {
  const statement = statementSchema.safeParse(json);
  if (!statement.success) return [{ by, verdict: 'wrong', what: 'is no SLSA v1 provenance' }];
  const subject = statement.data.subject.find(({ name }) => name === file);
  if (subject === undefined) return [];
  const { builder } = statement.data.predicate.runDetails;
  const claim = compare(by, 'sha256 of the subject', subject.digest.sha256, sha256);
  return [claim.verdict === 'right' ? { ...claim, what: `${claim.what}; built by ${builder.id}` } : claim];
}

function envelopeClaims(path: string, file: string, digest: PathDigest, keys: PublicKeys): readonly Claim[] {
  const by = basename(path);
  const envelope = envelopeSchema.safeParse(readJson(path));
  if (!envelope.success) return [{ by, verdict: 'wrong', what: 'is no DSSE envelope' }];
  const payload = Buffer.from(envelope.data.payload, 'base64');
  const claims = statementClaims(by, parse(payload.toString('utf8')), file, digest);
  if (claims.length === 0 || claims.some(({ verdict }) => verdict === 'wrong')) return claims;
  if (keys.pem.length === 0)
    return [...claims, { by, verdict: 'unchecked', what: 'signature: no key (--key) to check it with' }];
  const signed = preAuthentication(payload);
  const isRight = keys.pem.some((key) =>
    envelope.data.signatures.some(({ sig }) =>
      verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key, Buffer.from(sig, 'base64')),
    ),
  );
  return [
    ...claims,
    isRight
      ? { by, verdict: 'right', what: 'signature matches', proof: true }
      : { by, verdict: 'wrong', what: 'signature was made with another key, or the statement was changed' },
  ];
}

function spdxClaims(path: string, file: string, { sha256 }: PathDigest): readonly Claim[] {
  const document = spdxSchema.safeParse(readJson(path));
  if (!document.success)
    return path.endsWith(`/${file}.spdx.json`)
      ? [{ by: basename(path), verdict: 'wrong', what: 'is no SPDX 2.3 document' }]
      : [];
  const image = document.data.packages.find(({ packageFileName }) => packageFileName === file);
  const sum = image?.checksums?.find(({ algorithm }) => algorithm === 'SHA256');
  return sum === undefined ? [] : [compare(basename(path), 'sha256 of the image', sum.checksumValue, sha256)];
}

function cyclonedxClaims(path: string, file: string, { sha256 }: PathDigest): readonly Claim[] {
  const document = cyclonedxSchema.safeParse(readJson(path));
  if (!document.success)
    return path.endsWith(`/${file}.cdx.json`)
      ? [{ by: basename(path), verdict: 'wrong', what: 'is no CycloneDX document' }]
      : [];
  const { hashes = [], properties = [] } = document.data.metadata.component;
  if (!properties.some(({ name, value }) => name === 'imgpipe:file' && value === file)) return [];
  const sum = hashes.find(({ alg }) => alg === 'SHA-256');
  return sum === undefined ? [] : [compare(basename(path), 'sha256 of the image', sum.content, sha256)];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
