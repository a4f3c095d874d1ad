import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

const SECRET = 'cor\'rect "horse" ${bat} st\\aple';
const LINES = 'first line of it\nsecond line of it';

/** Every form of the secret that a value can show. */
const FORMS = [
  'var.s',
  '[var.s]',
  '{ (var.s) = 1 }',
  'jsonencode({ a = var.s })',
  'jsonencode(jsonencode([var.s]))',
  'base64encode(var.s)',
  'base64encode("x${var.s}y")',
  'base64encode("xy${var.s}z")',
  'urlencode(var.s)',
  'yamlencode({ a = var.s })',
  '"before ${var.s} after"',
  'join("\n", [var.s, var.s])',
  'format("%q", var.s)',
];

describe('a sensitive value is in no output of the console', () => {
  test.each(FORMS)('%s', async (form) => {
    project.write('a.pkr.hcl', 'variable "s" {\n  sensitive = true\n}\n');
    const line = form.replaceAll('\n', '\\n');
    const { code, stdout } = await project.run(['console', 'a.pkr.hcl'], {
      stdin: `${line}\n`,
      env: { PKR_VAR_s: SECRET },
    });
    expect(code).toBe(0);
    expect(stdout).toContain('<sensitive>');
    for (const part of ['horse', 'aple', Buffer.from(SECRET).toString('base64').slice(6, 20)]) {
      expect(stdout).not.toContain(part);
    }
  });

  test('each line of a secret of several lines', async () => {
    project.write('a.pkr.hcl', 'variable "s" {\n  sensitive = true\n}\n');
    const say = async (line: string): Promise<string> =>
      (await project.run(['console', 'a.pkr.hcl'], { stdin: `${line}\n`, env: { PKR_VAR_s: LINES } })).stdout;
    for (const line of [
      'split("\\n", var.s)[1]',
      'var.s',
      '[var.s]',
      'base64encode(split("\\n", var.s)[0])',
    ]) {
      expect(await say(line)).not.toMatch(/line of it|ZmlyC3|Zmlyc3Q/);
    }
  });
});

describe('nor in messages', () => {
  const declared = 'variable "s" {\n  type      = list(number)\n  sensitive = true\n}\n';

  test('of a value that does not fit, from a file, the command line or the environment', async () => {
    project.write('a.pkr.hcl', declared).write('v.pkrvars.hcl', 's = ["hunter2-hunter2"]\n');
    const runs = [
      await project.run(['validate', '-var-file=v.pkrvars.hcl', 'a.pkr.hcl']),
      await project.run(['validate', '-var=s=["hunter2-hunter2"]', 'a.pkr.hcl']),
      await project.run(['validate', '-var=s=hunter2-hunter2', 'a.pkr.hcl']),
      await project.run(['inspect', '-var=s=[hunter2-hunter2', 'a.pkr.hcl']),
      await project.run(['validate', 'a.pkr.hcl'], { env: { PKR_VAR_s: 'hunter2-hunter2' } }),
      await project.run(['build', '-var-file=v.pkrvars.hcl', 'a.pkr.hcl']),
      await project.run(['build', '-var=s=[hunter2-hunter2', 'a.pkr.hcl']),
    ];
    for (const { code, stdout } of runs) {
      expect(code).toBe(1);
      expect(stdout).not.toContain('hunter2');
    }
  });

  test('that break it over lines or cut it off', async () => {
    const secret = 'correct horse battery staple and more';
    project.write(
      'a.pkr.hcl',
      `variable "s" {\n  sensitive = true\n}\nlocals {\n  a = file("folder/with/a/long/name/so/that/the/line/is/broken/\${var.s}")\n  /* ${'x'.repeat(975)} ${secret} */ b = nope()\n}\n`,
    );
    const { code, stdout } = await project.run(['validate', '-var', `s=${secret}`, 'a.pkr.hcl']);
    expect(code).toBe(1);
    expect(stdout).toContain('<sensitive>');
    expect(stdout).not.toMatch(/horse|staple|correct/);
  });

  test('nor in those for machines', async () => {
    project.write('a.pkr.hcl', 'variable "s" {\n  sensitive = true\n}\nlocals {\n  a = file(var.s)\n}\n');
    const { stdout } = await project.run(['validate', '-machine-readable', '-var', 's=a, b,c', 'a.pkr.hcl']);
    expect(stdout).toContain('<sensitive>');
    expect(stdout).not.toContain('b,c');
    expect(stdout).not.toContain('PACKER_COMMA) b');
  });
});

test('the JSON form: its console, and what does not fit', async () => {
  const template = {
    variables: { s: 'default-secret', t: '{{user `s`}}-more' },
    'sensitive-variables': ['s'],
    builders: [{ type: 'file', target: 'x', content: 'y', source: '{{user `s`}}', nope: '{{user `s`}}' }],
  };
  project.write('a.json', JSON.stringify(template));
  for (const line of ['{{user `s`}}', '{{user `t`}}', 'variables', '{{printf "%q" (user `s`)}}']) {
    const { stdout } = await project.run(['console', 'a.json'], { stdin: `${line}\n` });
    expect(stdout).toContain('<sensitive>');
    expect(stdout).not.toContain('default-secret');
  }
  const given = await project.run(['console', '-var', 's=given-secret', 'a.json'], { stdin: 'variables\n' });
  expect(given.stdout).not.toContain('given-secret');
  expect((await project.run(['validate', 'a.json'])).stdout).not.toContain('default-secret');
});
