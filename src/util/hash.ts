import { createHash, createHmac } from 'node:crypto';

/** SHA-256 as 64 lower-case hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** HMAC-SHA-256 as hex: lets a secret take part in a key without its value being guessable from it. */
export function keyedHashHex(key: Uint8Array, data: string): string {
  return createHmac('sha256', key).update(data).digest('hex');
}
