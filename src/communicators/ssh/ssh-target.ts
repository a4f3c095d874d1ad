/** How to reach and log in to one SSH server. Texts of keys, not their paths: whoever makes a target reads the files. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Unix socket of an SSH agent whose keys are tried first. */
  readonly agent?: string;
  /** Private key in OpenSSH or PEM form, without passphrase. */
  readonly privateKey?: string;
  /** Certificate of that key, as in a `-cert.pub` file. */
  readonly certificate?: string;
  /** For password and keyboard-interactive authentication. */
  readonly password?: string;
  /** Answers what a server asks in keyboard-interactive authentication; without it the password answers everything. */
  readonly prompt?: SshPrompt;
  /** Unix socket of the agent that programs on the server may use. */
  readonly forwardAgent?: string;
  readonly ciphers?: readonly string[];
  readonly keyExchanges?: readonly string[];
  readonly hostKey?: HostKeyPolicy;
  /** How the connection gets there; straight when left out. */
  readonly route?: SshRoute;
  /** Milliseconds between signs of life; 0 or less: none. After twelve without an answer the connection is dead. */
  readonly keepAliveMs?: number;
  /** Longest silence of the connection in milliseconds, 0 for no limit; keep-alive answers count as life. */
  readonly idleTimeoutMs?: number;
  /** For one try to open the TCP connection. */
  readonly connectTimeoutMs?: number;
}

export type SshRoute =
  | {
      readonly type: 'socks5';
      readonly host: string;
      readonly port: number;
      readonly user?: string;
      readonly password?: string;
    }
  | { readonly type: 'bastion'; readonly target: SshTarget };

/** Asks a person. `secret` says that the answer must not be seen while it is typed. */
export type SshPrompt = (question: string, options: { readonly secret: boolean }) => Promise<string>;

/**
 * Which host keys are good. `any`: every one (machines that were just made have keys that nobody can know).
 * `pinned`: only these, each a line as in a `.pub` file or a fingerprint `SHA256:…`.
 */
export type HostKeyPolicy =
  { readonly type: 'any' } | { readonly type: 'pinned'; readonly keys: readonly string[] };

/** The target as people write it. */
export function describeTarget(target: Pick<SshTarget, 'host' | 'port' | 'user'>): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  return `${target.user}@${host}:${target.port}`;
}
