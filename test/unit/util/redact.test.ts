import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Redactor } from '../../../src/util/redact.ts';

const SECRET = 'p4ss\'w"ord+/ü\nsecond line';

function redactorOf(...secrets: string[]): Redactor {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor;
}

test('hides a secret as it is, escaped and encoded', () => {
  const redactor = redactorOf(SECRET);
  const forms = [
    SECRET,
    encodeURIComponent(SECRET.split('\n')[0] ?? ''),
    JSON.stringify(SECRET),
    `'${SECRET.replaceAll("'", `'\\''`)}'`,
    Buffer.from(SECRET).toString('base64'),
    Buffer.from(`user:${SECRET}`).toString('base64'),
  ];
  for (const form of forms) {
    expect(redactor.text(`before ${form} after`)).toContain('<sensitive>');
    expect(redactor.text(form)).not.toContain('p4ss');
  }
});

test('hides what programs make of a secret', () => {
  const secret = 'a b&c,d(e)$f';
  const redactor = redactorOf(secret);
  const quoted = execFileSync('bash', ['-c', 'printf %q "$1"', 'bash', secret], { encoding: 'utf8' });
  const form = new URLSearchParams({ q: secret }).toString().slice('q='.length);
  for (const text of [quoted, form, encodeURIComponent(secret).toLowerCase()])
    expect(redactor.text(text), text).toBe('<sensitive>');
});

test('hides what encoders and shells make of signs that they escape', () => {
  const secret = `it's <b> & "é" a\\ta/z`;
  const redactor = redactorOf(secret);
  const python = 'import json,sys; print(json.dumps(sys.argv[1]))';
  const printed = [
    execFileSync('python3', ['-c', python, secret], { encoding: 'utf8' }),
    execFileSync('dash', ['-c', 'echo "$1"', 'dash', secret], { encoding: 'utf8' }),
    execFileSync('bash', ['-c', 'printf \'%s\' "${1@Q}"', 'bash', secret], { encoding: 'utf8' }),
    execFileSync('bash', ['-c', 'printf %q "$1"', 'bash', secret], {
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
    }),
    JSON.stringify(JSON.stringify({ a: secret })),
    JSON.stringify(secret).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
    Buffer.from(secret).toString('hex'),
    Buffer.from(`x${secret}`).toString('hex').toUpperCase(),
  ];
  for (const text of printed) {
    expect(redactor.text(text), text).toContain('<sensitive>');
    expect(redactor.text(text).replace('<sensitive>', '').length, text).toBeLessThan(20);
  }
});

test('what echo cuts off a secret is no reason to hide ordinary words', () => {
  expect(redactorOf('pass\\cword', 'a\\nthis').text('this must pass')).toBe('this must pass');
});

test('hides the base64 of a long secret also where it is broken into lines', () => {
  const key = Array.from({ length: 8 }, (_, at) => `line ${at} ${'k3y/+'.repeat(9)}`).join('\n');
  const redactor = redactorOf(key);
  for (const [program, ...args] of [['base64'], ['openssl', 'base64']] as [string, ...string[]][]) {
    for (const input of [key, `${key}\n`]) {
      const lines = execFileSync(program, args, { input, encoding: 'utf8' }).trim().split('\n');
      const shown = lines.filter((line) => line.length >= 12 && redactor.text(line) !== '<sensitive>');
      expect(shown, program).toEqual([]);
      expect(lines.length).toBeGreaterThan(5);
    }
  }
});

test('hides each line of a secret of several lines', () => {
  expect(redactorOf(SECRET).text('second line')).toBe('<sensitive>');
});

test('cleans strings deep in a value and leaves other values alone', () => {
  const value = { a: ['x-hunter2-y'], b: 5, c: { d: 'hunter2' }, e: true };
  expect(redactorOf('hunter2').value(value)).toEqual({
    a: ['x-<sensitive>-y'],
    b: 5,
    c: { d: '<sensitive>' },
    e: true,
  });
});

test('never lets a secret through, whatever surrounds it', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8 }).filter((s) => s.trim().length >= 8),
      fc.string(),
      fc.string(),
      (secret, a, b) => {
        const value = secret.trim();
        expect(redactorOf(value).text(a + value + b)).not.toContain(value);
      },
    ),
  );
});

test('base64 at any alignment does not show the secret', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]{12,40}$/), fc.nat(5), (secret, shift) => {
      const encoded = Buffer.from(`${'x'.repeat(shift)}${secret}yy`).toString('base64');
      expect(redactorOf(secret).text(encoded)).toContain('<sensitive>');
    }),
  );
});
