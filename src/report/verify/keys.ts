import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fail, ok, type Failure, type Result } from '../../diagnostics/failure.ts';

/** Public keys by the kind of signature that they check. */
export interface PublicKeys {
  readonly pem: readonly KeyObject[];
  /** The line with the key, in base64. */
  readonly minisign: readonly string[];
  /** Files with armored or binary keys. */
  readonly openpgp: readonly string[];
}

/** @returns `input-missing`, `usage` for a file that is no public key */
export function readKeys(files: readonly string[]): Result<PublicKeys> {
  const keys = { pem: [] as KeyObject[], minisign: [] as string[], openpgp: [] as string[] };
  const failures: Failure[] = [];
  for (const file of files) {
    let text: string;
    try {
      text = readFileSync(file, 'latin1');
    } catch (cause) {
      failures.push({ reason: 'input-missing', message: `--key: ${file} cannot be read`, cause });
      continue;
    }
    const minisign = /^(RW[A-Za-z0-9+/]{54})$/m.exec(text)?.[1];
    if (text.includes('PRIVATE KEY'))
      failures.push({
        reason: 'usage',
        message: `--key: ${file} is a private key`,
        hint: 'Give the public one.',
      });
    else if (minisign !== undefined) keys.minisign.push(minisign);
    else if (text.includes('BEGIN PGP PUBLIC KEY') || /^[\u0098\u0099\u00c6]/.test(text))
      keys.openpgp.push(file);
    else {
      try {
        keys.pem.push(createPublicKey(text));
      } catch (cause) {
        const hint = 'It must be a PEM (`-----BEGIN PUBLIC KEY-----`), a minisign or an OpenPGP public key.';
        failures.push({ reason: 'usage', message: `--key: ${file} is no public key`, hint, cause });
      }
    }
  }
  return failures.length > 0 ? fail(...failures) : ok(keys);
}
