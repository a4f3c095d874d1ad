/** A key pair for one use. */
export interface SshKeyPair {
  /** Private key in OpenSSH form. */
  readonly privateKey: string;
  /** One line for authorized_keys. */
  readonly publicKey: string;
}

const SSH_KEY_TYPES = ['ed25519', 'ecdsa', 'rsa'] as const;

export interface SshKeyOptions {
  readonly type?: (typeof SSH_KEY_TYPES)[number];
  /** RSA: default 4096. ECDSA: 256, 384 or 521, default 521. ed25519 has one size. */
  readonly bits?: number;
}

/** Makes a key pair, ed25519 unless told. @param comment ends the public key's line */
export async function makeSshKey(comment: string, options: SshKeyOptions = {}): Promise<SshKeyPair> {
  const { utils } = (await import('ssh2')).default;
  for (;;) {
    const pair =
      options.type === 'rsa'
        ? utils.generateKeyPairSync('rsa', { bits: options.bits ?? 4096, comment })
        : options.type === 'ecdsa'
          ? utils.generateKeyPairSync('ecdsa', { bits: ecdsaBits(options.bits), comment })
          : utils.generateKeyPairSync('ed25519', { comment });
    // ssh2 drops a leading zero byte of ed25519 keys: one pair in 256 can be read by nobody.
    if (!(utils.parseKey(pair.private) instanceof Error))
      return { privateKey: pair.private, publicKey: pair.public };
  }
}

function ecdsaBits(bits: number | undefined): 256 | 384 | 521 {
  return bits === 256 || bits === 384 ? bits : 521;
}
