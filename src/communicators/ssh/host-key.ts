import { createHash } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { HostKeyPolicy } from './ssh-target.ts';

/** Fingerprint of a public key blob, as OpenSSH shows it: `SHA256:` and base64 without padding. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Whether a server may have this key. */
export function acceptsHostKey(policy: HostKeyPolicy | undefined, blob: Buffer): boolean {
  if (policy === undefined || policy.type === 'any') return true;
  const fingerprint = fingerprintOf(blob);
  return policy.keys.some((key) => {
    const line = parsePublicLine(key);
    return line === undefined ? key.trim().replace(/=+$/, '') === fingerprint : line.blob.equals(blob);
  });
}

/**
 * Kinds of host keys to ask for: a server has several and shows one, which must be of a pinned kind. Undefined: any,
 * because a fingerprint does not tell its kind.
 */
export function hostKeyAlgorithms(policy: HostKeyPolicy | undefined): ServerHostKeyAlgorithm[] | undefined {
  if (policy?.type !== 'pinned') return undefined;
  const kinds = policy.keys.map((key) => parsePublicLine(key)?.kind);
  if (kinds.includes(undefined)) return undefined;
  return [...new Set(kinds)].flatMap((kind) =>
    kind === 'ssh-rsa'
      ? (['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] as const)
      : (kind as ServerHostKeyAlgorithm),
  );
}

/** A line `ssh-ed25519 AAAA… comment`, also with a host name in front as in known_hosts. */
function parsePublicLine(line: string): { readonly kind: string; readonly blob: Buffer } | undefined {
  const match = /(?:^|\s)((?:ssh|ecdsa)-[\w-]+)\s+([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { kind: match[1], blob: Buffer.from(match[2], 'base64') };
}
