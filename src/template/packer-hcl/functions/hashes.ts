import { Buffer, isUtf8 } from 'node:buffer';
import { createHash, createPrivateKey, privateDecrypt, constants, type KeyObject } from 'node:crypto';
import bcrypt from 'bcryptjs';
import { NUMBER, STRING } from '../values/type.ts';
import { stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, integerOf, parameter, textOf } from './function.ts';

const hash = (algorithm: string): FunctionDefinition => ({
  parameters: [parameter('str', STRING)],
  returns: STRING,
  call: ([text]) => stringValue(createHash(algorithm).update(textOf(text), 'utf8').digest('hex')),
});

function decrypt(cipherText: string, pem: string): string {
  if (!/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(cipherText.trim()) || cipherText.trim() === '') {
    throw new FunctionError('the cipher text must be base64-encoded', 0);
  }
  try {
    const key = readKey(pem);
    const plain = privateDecrypt(
      { key, padding: constants.RSA_PKCS1_PADDING },
      Buffer.from(cipherText, 'base64'),
    );
    if (!isUtf8(plain)) throw new FunctionError('the decrypted text is not valid UTF-8', 0);
    return plain.toString('utf8');
  } catch (error) {
    if (error instanceof FunctionError) throw error;
    throw new FunctionError('the text cannot be decrypted with this key', 0, error);
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new FunctionError('the private key must be an RSA key in PEM form', 1, error);
  }
}

export const HASH_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha256: hash('sha256'),
  sha512: hash('sha512'),
  bcrypt: {
    parameters: [parameter('str', STRING)],
    rest: parameter('cost', NUMBER),
    returns: STRING,
    call: ([text, ...costs], world) => {
      if (costs.length > 1) throw new FunctionError('bcrypt takes at most two arguments');
      const cost = costs[0] === undefined ? 10 : integerOf(costs[0], 1);
      if (cost < 4 || cost > 20) throw new FunctionError('the cost must be between 4 and 20', 1);
      const salt = bcrypt.encodeBase64([...world.randomBytes(16)], 16);
      return stringValue(bcrypt.hashSync(textOf(text), `$2a$${String(cost).padStart(2, '0')}$${salt}`));
    },
  },
  rsadecrypt: {
    parameters: [parameter('ciphertext', STRING), parameter('privatekey', STRING)],
    returns: STRING,
    call: ([text, key]) => stringValue(decrypt(textOf(text), textOf(key))),
  },
};
