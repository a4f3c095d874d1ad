import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FailureError } from '../../../diagnostics/failure.ts';
import { preAuthentication, STATEMENT_MEDIA_TYPE } from '../../provenance/envelope.ts';

/**
 * Signs a statement by a private key in PEM form and gives it in a DSSE envelope. The signature is checked, by `verifier`
 * when it is given: a public key, a certificate or a private key in PEM form.
 * @throws FailureError `input-missing`, `post-failed`
 */
export async function signedEnvelope(
  payload: Buffer,
  { signer, verifier }: { readonly signer: string; readonly verifier: string | undefined },
): Promise<Record<string, unknown>> {
  const key = await readKey('signer', signer, createPrivateKey);
  const own = createPublicKey(key);
  const publicKey = verifier === undefined ? own : await readKey('verifier', verifier, publicKeyOf);
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const message = preAuthentication(payload);
  const signature = sign(algorithm, message, key);
  if (
    publicKey.asymmetricKeyType !== key.asymmetricKeyType ||
    !verify(algorithm, message, publicKey, signature)
  )
    throw failure('verify signed attestation: signature verification failed');
  const pem = own.export({ type: 'spki', format: 'pem' });
  return {
    payloadType: STATEMENT_MEDIA_TYPE,
    payload: payload.toString('base64'),
    signatures: [
      { keyid: createHash('sha256').update(pem).digest('hex'), sig: signature.toString('base64') },
    ],
  };
}

const failure = (message: string, reason: 'input-missing' | 'post-failed' = 'post-failed'): FailureError =>
  new FailureError({ reason, message });

async function readKey(what: string, file: string, parse: (pem: string) => KeyObject): Promise<KeyObject> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw failure(`read ${what} "${file}": it cannot be read`, 'input-missing');
  }
  try {
    return parse(text);
  } catch {
    // The error of the library is left out: it may quote the key.
    throw failure(`unsupported key in ${what} "${file}": it must be RSA, ECDSA or Ed25519 in PEM form`);
  }
}

const publicKeyOf = (pem: string): KeyObject =>
  pem.includes('CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
