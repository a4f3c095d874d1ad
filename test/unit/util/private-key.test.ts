import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeSshKey } from '../../../src/communicators/ssh/ssh-key.ts';
import { privateKeyFault } from '../../../src/util/private-key.ts';

const pem = (body: string, kind = 'OPENSSH ', head = ''): string =>
  `-----BEGIN ${kind}PRIVATE KEY-----\n${head}${body}\n-----END ${kind}PRIVATE KEY-----\n`;

/** OpenSSH's form as far as its cipher. */
const encrypted = (): string => {
  const cipher = Buffer.from('aes256-ctr');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(cipher.length);
  return pem(Buffer.concat([Buffer.from('openssh-key-v1\0'), length, cipher]).toString('base64'));
};

test('keys that log in, in every form', async () => {
  expect(privateKeyFault((await makeSshKey('a')).privateKey)).toBeUndefined();
  expect(privateKeyFault((await makeSshKey('a', { type: 'ecdsa', bits: 256 })).privateKey)).toBeUndefined();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const type of ['pkcs8', 'sec1'] as const)
    expect(privateKeyFault(String(privateKey.export({ type, format: 'pem' })))).toBeUndefined();
});

test('keys that do not', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options = { format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
  expect(privateKeyFault(String(privateKey.export({ type: 'pkcs8', ...options })))).toBe('passphrase');
  expect(privateKeyFault(String(privateKey.export({ type: 'sec1', ...options })))).toBe('passphrase');
  expect(privateKeyFault(encrypted())).toBe('passphrase');
  expect(privateKeyFault((await makeSshKey('a')).publicKey)).toBe('no-key');
  expect(privateKeyFault('')).toBe('no-key');
  expect(privateKeyFault(pem('AAAA'))).toBe('unreadable');
  expect(privateKeyFault(pem('AAAA', 'RSA '))).toBe('unreadable');
});
