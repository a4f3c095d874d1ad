import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { SecretSpec } from '../../../src/model/pipeline.ts';
import { SecretResolver } from '../../../src/plan/secret-resolver.ts';
import { Redactor } from '../../../src/util/redact.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const VALUE = 'correct horse battery';
const ORIGIN = { file: 'pipeline.yaml', line: 2, column: 3 };

function resolve(from: SecretSpec['from'], keyFolder = temporaryFolder()) {
  const redactor = new Redactor();
  const resolver = new SecretResolver(
    [{ name: 'token', from, origin: ORIGIN }],
    redactor,
    join(keyFolder, 'key'),
  );
  return { resolver, redactor, keyFolder };
}

function fileWith(content: string | Buffer): SecretSpec['from'] {
  const path = join(temporaryFolder(), 'secret');
  writeFileSync(path, content);
  return { type: 'file', path };
}

test.each<[string, () => SecretSpec['from']]>([
  [
    'the environment',
    () => {
      process.env['SECRET_OF_TEST'] = VALUE;
      onTestFinished(() => void delete process.env['SECRET_OF_TEST']);
      return { type: 'env', variable: 'SECRET_OF_TEST' };
    },
  ],
  ['a file, without its line end', () => fileWith(`${VALUE}\r\n`)],
  ['a command', () => ({ type: 'command', argv: ['printf', '%s\\n', VALUE] })],
])('from %s; hidden from then on', (_where, from) => {
  const { resolver, redactor } = resolve(from());
  expect(resolver.get('token')).toBe(VALUE);
  expect(redactor.text(`x ${VALUE} y`)).toBe('x <sensitive> y');
});

test('only one line end goes: the rest of a key file is its own', () => {
  expect(resolve(fileWith('-----BEGIN\nabc\n-----END\n\n')).resolver.get('token')).toBe(
    '-----BEGIN\nabc\n-----END\n',
  );
});

test('the hash for keys tells nothing without the key of the store', () => {
  const { resolver, keyFolder } = resolve(fileWith(VALUE));
  const hash = resolver.keyedHash('token');
  expect(resolve(fileWith(VALUE), keyFolder).resolver.keyedHash('token')).toBe(hash);
  expect(resolve(fileWith(`${VALUE}!`), keyFolder).resolver.keyedHash('token')).not.toBe(hash);
  expect(resolve(fileWith(VALUE)).resolver.keyedHash('token')).not.toBe(hash);
  for (const text of [VALUE, `token\0${VALUE}`])
    expect(hash).not.toContain(createHash('sha256').update(text).digest('hex'));
});

test.each<[string, () => SecretSpec['from'], string]>([
  ['an unset variable', () => ({ type: 'env', variable: 'NOT_SET_AT_ALL' }), 'NOT_SET_AT_ALL is not set'],
  [
    'a missing file',
    () => ({ type: 'file', path: '/nonexistent/secret' }),
    '/nonexistent/secret cannot be read',
  ],
  ['a command that fails', () => ({ type: 'command', argv: ['false'] }), 'false failed'],
  ['bytes that are no text', () => fileWith(Buffer.from([0x30, 0x82, 0xff])), 'is not text'],
])('%s is told, at the place of the declaration', (_what, from, message) => {
  const failing = () => resolve(from()).resolver.get('token');
  expect(failing).toThrow(message);
  try {
    failing();
  } catch (error) {
    expect(error).toMatchObject({ failures: [{ reason: 'secret-missing', origin: ORIGIN }] });
  }
});
