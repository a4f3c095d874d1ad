import { createPrivateKey } from 'node:crypto';

/** What is wrong with a file that should hold a private key to log in with. */
export type PrivateKeyFault = 'no-key' | 'passphrase' | 'unreadable';

/** The length-prefixed texts at the beginning of OpenSSH's own form (its PROTOCOL.key) follow this. */
const OPENSSH = Buffer.from('openssh-key-v1\0');

/**
 * Looks at a private key in PEM or OpenSSH form without the SSH library, which takes too long to load for a look.
 * @returns undefined when nothing speaks against it
 */
export function privateKeyFault(text: string): PrivateKeyFault | undefined {
  const [, kind, body = ''] = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----([\s\S]*?)-----END /.exec(text) ?? [];
  if (kind === undefined) return 'no-key';
  if (kind === 'ENCRYPTED ' || /^Proc-Type: *4,ENCRYPTED/m.test(body)) return 'passphrase';
  if (kind !== 'OPENSSH ') return isReadable(text) ? undefined : 'unreadable';
  const bytes = Buffer.from(body, 'base64');
  const at = OPENSSH.length;
  if (!bytes.subarray(0, at).equals(OPENSSH) || bytes.length < at + 4) return 'unreadable';
  const cipher = bytes.toString('latin1', at + 4, at + 4 + bytes.readUInt32BE(at));
  return cipher === 'none' ? undefined : 'passphrase';
}

function isReadable(text: string): boolean {
  try {
    createPrivateKey(text);
    return true;
  } catch {
    return false;
  }
}
