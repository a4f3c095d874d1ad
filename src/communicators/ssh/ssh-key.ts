/** A key pair for one use. */
export interface SshKeyPair {
  /** Private key in OpenSSH form. */
  readonly privateKey: string;
  /** One line for authorized_keys. */
  readonly publicKey: string;
}

/** Makes an ed25519 key pair. @param comment ends the public key's line */
export async function makeSshKey(comment: string): Promise<SshKeyPair> {
  const { utils } = (await import('ssh2')).default;
  const pair = utils.generateKeyPairSync('ed25519', { comment });
  return { privateKey: pair.private, publicKey: pair.public };
}
