import { createPrivateKey } from 'node:crypto';
import { FailureError } from '../diagnostics/failure.ts';

/**
 * A key from the text of a secret.
 * @throws FailureError `post-failed`
 */
export function privateKey(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch {
    // The error of the library is left out: it may quote the key.
    throw new FailureError({
      reason: 'post-failed',
      message: 'the secret is no private key in PEM form, or it is encrypted',
      hint: 'Make one with `openssl ecparam -name prime256v1 -genkey -noout`.',
    });
  }
}
