import { createPrivateKey, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { FailureError, type Failure } from '../../diagnostics/failure.ts';

export interface OvfSignature {
  /** Name of the manifest, `shop.mf`. */
  readonly manifestName: string;
  readonly manifest: string;
  /** RSA key, PEM. */
  readonly key: string;
  /** X.509 certificate, PEM; may be followed by those of its issuers. */
  readonly certificate: string;
}

/**
 * The `.cert` file of a virtual appliance: the signature of its manifest and the certificate of who signed it
 * (DSP0243, 5.1 "OVF package").
 * @throws FailureError `export-failed` when key or certificate are none, or do not belong together
 */
export function ovfCertificate({ manifestName, manifest, key, certificate }: OvfSignature): string {
  const privateKey = readKey(key);
  const x509 = readCertificate(certificate);
  if (!x509.checkPrivateKey(privateKey)) {
    throw refuse(
      'the certificate belongs to another key than the one that signs',
      'Name its own key in `sign.secret`.',
    );
  }
  const signature = sign('sha256', Buffer.from(manifest), privateKey).toString('hex');
  return `SHA256(${manifestName})= ${signature}\n${certificate.trim()}\n`;
}

function readKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The library's own error is left out: it may quote the key.
  }
  if (key?.asymmetricKeyType === 'rsa') return key;
  throw refuse(
    'the secret of `sign` is no RSA key in PEM form, or it is encrypted',
    'Give an unencrypted RSA key.',
  );
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw refuse(
      '`sign.certificate` is no X.509 certificate in PEM form',
      'Give the certificate of the key.',
      cause,
    );
  }
}

function refuse(message: string, hint: string, cause?: unknown): FailureError {
  const failure: Failure = {
    reason: 'export-failed',
    message,
    hint,
    ...(cause === undefined ? {} : { cause }),
  };
  return new FailureError(failure);
}
