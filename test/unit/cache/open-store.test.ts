import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../../src/cache/open-store.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

test('makes a store with a tag, a format and a private key, and opens it again', () => {
  const root = join(temporaryFolder(), 'a', 'cache');
  expect(openStore(root).ok).toBe(true);
  expect(readFileSync(join(root, 'CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55/);
  expect(statSync(join(root, 'secret-key')).mode & 0o777).toBe(0o600);
  const key = readFileSync(join(root, 'secret-key'));
  expect(openStore(root).ok).toBe(true);
  expect(readFileSync(join(root, 'secret-key'))).toEqual(key);
});

test('refuses a newer format and changes nothing', () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'format.json'), '{"format":99}');
  const result = openStore(root);
  expect(result).toMatchObject({ ok: false, failures: [{ reason: 'store-invalid' }] });
  expect(existsSync(join(root, 'secret-key'))).toBe(false);
});

test("refuses a folder of someone else's files", () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'thesis.doc'), 'x');
  expect(openStore(root)).toMatchObject({ ok: false, failures: [{ reason: 'store-invalid' }] });
  expect(readFileSync(join(root, 'thesis.doc'), 'utf8')).toBe('x');
});

test('finishes a store whose making was cut off', () => {
  const root = temporaryFolder();
  writeFileSync(join(root, 'CACHEDIR.TAG'), 'half');
  mkdirSync(join(root, 'mounts'));
  expect(openStore(root).ok).toBe(true);
});

test('a file where the folder should be is a clear failure', () => {
  const root = join(temporaryFolder(), 'cache');
  writeFileSync(root, '');
  expect(openStore(root)).toMatchObject({ ok: false, failures: [{ reason: 'store-invalid' }] });
});
