import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

const NULL_JSON = { type: 'null', communicator: 'none' };
const DEEP = 10_000;
const nest = (open: string, close: string, inside = ''): string =>
  open.repeat(DEEP) + inside + close.repeat(DEEP);
const local = (value: string): string => `locals {\n  a = ${value}\n}\n`;

interface Said {
  readonly code: number;
  readonly stdout: string;
}
const validate = async (name: string, content: string | Uint8Array, ...flags: string[]): Promise<Said> => {
  project.write(name, content);
  return await project.run(['validate', ...flags, name]);
};

describe('nested 10,000 deep: refused with a place', () => {
  test.each([
    ['brackets', 'a.pkr.hcl', local(nest('[', ']'))],
    ['parentheses', 'a.pkr.hcl', local(nest('(', ')', '1'))],
    ['blocks', 'a.pkr.hcl', nest('a {\n', '}\n')],
    ['templates in templates', 'a.pkr.hcl', local(nest('"${', '}"', '1'))],
    ['conditions', 'a.pkr.hcl', local(`${'true ? 1 : '.repeat(DEEP)}1`)],
    ['signs', 'a.pkr.hcl', local(`${'!'.repeat(DEEP)}true`)],
    ['types', 'a.pkr.hcl', `variable "a" {\n  type = ${nest('list(', ')', 'string')}\n}\n`],
    ['arrays of the JSON form', 'a.pkr.json', `{"locals": {"a": ${nest('[', ']')}}}`],
    ['objects of the JSON form', 'a.pkr.json', `{"locals": ${nest('{"a": ', '}', '1')}}`],
    ['arrays of legacy JSON', 'a.json', `{"builders": ${nest('[', ']')}}`],
    ['objects of legacy JSON', 'a.json', `{"builders": [${nest('{"a": ', '}', '1')}]}`],
  ])('%s', async (_, name, content) => {
    const { code, stdout } = await validate(name, content);
    expect(code).toBe(1);
    expect(stdout).toMatch(/nest|deep/i);
    expect(stdout).toMatch(/line \d+/);
  });

  test.each([
    ['parentheses', `{{${nest('(', ')', '1')}}}`],
    ['conditions', nest('{{if 1}}', '{{end}}')],
  ])('%s of {{ … }}', async (_, target) => {
    const template = { builders: [{ type: 'file', target, content: 'x' }] };
    expect((await validate('a.json', JSON.stringify(template))).code).toBe(1);
  });

  test('a long chain of operators is fine', async () => {
    expect((await validate('a.pkr.hcl', local(`${'1 + '.repeat(DEEP)}1`), '-syntax-only')).code).toBeLessThan(
      2,
    );
  });
});

describe('50 MB', () => {
  const size = 50 * 1024 * 1024;

  test('of comment or of one text are read', { timeout: 180_000 }, async () => {
    expect((await validate('a.pkr.hcl', `# ${'x'.repeat(size)}\n`, '-syntax-only')).code).toBe(0);
    expect((await validate('a.pkr.hcl', local(`"${'x'.repeat(size)}"`), '-syntax-only')).code).toBe(0);
    const text = JSON.stringify({ builders: [NULL_JSON], description: 'x'.repeat(size) });
    expect((await validate('a.json', text)).code).toBe(0);
  });

  // Half a million values are seconds of work, and many of them where other programs run beside.
  const many = (line: (at: number) => string, separator: string): string =>
    Array.from({ length: 520_000 }, (_, at) => line(at)).join(separator);
  const members = (): string => many((at) => `"v${at}": "0123456789012345678901234567890123456789"`, ',');
  test.each([
    ['native', 'a.pkr.hcl', () => `locals {\n${many((at) => `  v${at} = 1`, '\n')}\n}\n`],
    ['JSON', 'a.pkr.json', () => `{"locals": {${members()}}}`],
    ['legacy JSON', 'a.json', () => `{"variables": {${members()}}}`],
  ])('of small values end with a limit: %s', { timeout: 180_000 }, async (_form, name, text) => {
    expect(await validate(name, text())).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('too many expressions') as string,
    });
  });
});

describe('values out of all proportion end with a failure', () => {
  test.each([
    ['a huge range', 'range(0, 1000000000)', 'range'],
    [
      'loops in loops',
      '[for x in range(1024) : [for y in range(1024) : [for z in range(1024) : z]]]',
      'Too many values',
    ],
    ['a product of sets', 'setproduct(range(1000), range(1000), range(1000))', 'too many elements'],
    ['a wide format', 'format("%999999999999d", 1)', 'format'],
    ['a huge number', '1e999999999', 'too large'],
    [
      'aliases of YAML that multiply',
      `yamldecode("a: &a [x,x,x,x,x,x,x,x,x]\\n${['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(',')}]`).join('\\n')}")`,
      'yamldecode',
    ],
  ])('%s', async (_, expression, message) => {
    const { code, stdout } = await validate('a.pkr.hcl', local(expression));
    expect(code).toBe(1);
    expect(stdout).toContain(message);
    expect(stdout).toContain('on a.pkr.hcl line 2');
  });

  test('locals and variables that double each other', async () => {
    const doubled = Array.from(
      { length: 60 },
      (_, at) => `  a${at + 1} = "\${local.a${at}}\${local.a${at}}"\n`,
    );
    const hcl = await validate('a.pkr.hcl', `locals {\n  a0 = "xxxxxxxxxxxxxxxx"\n${doubled.join('')}}\n`);
    expect(hcl).toMatchObject({ code: 1, stdout: expect.stringContaining('Too long text') as string });
    const variables = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [
        `a${at}`,
        at === 59 ? 'xxxxxxxxxx' : `{{user \`a${at + 1}\`}}{{user \`a${at + 1}\`}}`,
      ]),
    );
    const json = await validate('a.json', JSON.stringify({ builders: [NULL_JSON], variables }));
    expect(json).toMatchObject({ code: 1, stdout: expect.stringContaining('too long') as string });
  });

  test('dynamic blocks that multiply: said once', async () => {
    const inner = (name: string, content: string): string =>
      `dynamic "${name}" {\n  for_each = range(1024)\n  labels = ["shell"]\n  content {\n${content}\n}\n}\n`;
    const { code, stdout } = await validate(
      'a.pkr.hcl',
      `build {\n${inner('provisioner', inner('x', inner('y', '')))}}\n`,
    );
    expect(code).toBe(1);
    expect(stdout.match(/A body may hold 10000 blocks in all/g)).toHaveLength(1);
  });

  test('patterns that would backtrack for ever take linear time', async () => {
    const a = 'a'.repeat(30_000);
    const { stdout } = await validate(
      'a.pkr.hcl',
      `locals {\n  a = regexall("(a+)+$", "${a}b")\n  b = replace("${a}", "/(x+x+)+y/", "")\n  c = can(regex("(a*)*b", "${a}"))\n}\n`,
    );
    expect(stdout).toContain('Missing build block');
    const wide = await validate('a.pkr.hcl', local('regexall("(((x{1000}){1000}){1000})", "x")'));
    expect(wide).toMatchObject({ code: 1, stdout: expect.stringContaining('invalid regexp') as string });
  });
});

describe('files that are not what they should be', () => {
  test.each([
    ['a.pkr.hcl', 'source "null" "a" {\n  communicator = "no', 1],
    ['a.pkr.hcl', 'build {\n  sources = [\n', 1],
    ['a.pkr.json', '{"source": {"null": {"a": {', 1],
    ['a.json', '{"builders": [{"type": "nu', 1],
  ])('%s cut off: %j', async (name, text, code) => {
    const said = await validate(name, text);
    expect(said.code).toBe(code);
    expect(said.stdout).toMatch(/line \d+/);
  });

  test.each(['a.pkr.hcl', 'a.pkr.json', 'a.json'])('%s with bytes that are not UTF-8', async (name) => {
    const bytes = Buffer.concat([Buffer.from('{"a": "'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]);
    const { code, stdout } = await validate(name, bytes);
    expect(code).toBe(1);
    expect(stdout).toContain('UTF-8');
  });

  test('a byte order mark and CRLF do no harm, in each form', async () => {
    const hcl = 'source "null" "a" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.a"]\n}\n';
    const json = JSON.stringify(
      { source: { null: { a: { communicator: 'none' } } }, build: { sources: ['null.a'] } },
      null,
      2,
    );
    const legacy = JSON.stringify({ builders: [NULL_JSON] }, null, 2);
    for (const [name, text] of [
      ['a.pkr.hcl', hcl],
      ['a.pkr.json', json],
      ['a.json', legacy],
    ] as const) {
      const said = await validate(name, `\uFEFF${text.replaceAll('\n', '\r\n')}`);
      expect(said).toMatchObject({ code: 0, stdout: 'The configuration is valid.\n' });
    }
  });

  test('what is there twice shows both places', async () => {
    const said = await validate(
      'a.pkr.hcl',
      'source "null" "a" {}\nsource "null" "a" {}\nvariable "v" {\n  default = 1\n}\nvariable "v" {\n  default = 1\n}\nbuild {\n  sources = ["null.a"]\n}\n',
    );
    expect(said.code).toBe(1);
    expect(said.stdout).toContain('Duplicate variable');
    expect(said.stdout).toMatch(/line 6[^]*line 3/);
    const json = await validate('a.json', '{"builders": [], "builders": []}');
    expect(json.stdout).toContain('template has duplicate field: builders');
  });

  test.each([
    [
      'locals',
      'a.pkr.hcl',
      'locals {\n  a = local.b\n  b = local.c\n  c = local.a\n}\n',
      'local.a → local.b',
    ],
    [
      'data sources',
      'a.pkr.hcl',
      'data "null" "a" {\n  input = data.null.b.output\n}\ndata "null" "b" {\n  input = data.null.a.output\n}\nbuild {}\n',
      'data.null.a → data.null.b → data.null.a',
    ],
    [
      'data sources over a local',
      'a.pkr.hcl',
      'data "null" "a" {\n  input = local.l\n}\nlocals {\n  l = data.null.a.output\n}\n',
      'data.null.a → local.l → data.null.a',
    ],
    [
      'variables of legacy JSON',
      'a.json',
      JSON.stringify({ builders: [NULL_JSON], variables: { a: '{{user `b`}}', b: '{{user `a`}}' } }),
      'error',
    ],
  ])('a circle of %s', async (_, name, text, message) => {
    const said = await validate(name, text);
    expect(said.code).toBe(1);
    expect(said.stdout).toContain(message);
  });

  test('an unknown function and wrong types of arguments', async () => {
    expect((await validate('a.pkr.hcl', local('uper("a")'))).stdout).toContain('Did you mean "upper"?');
    expect((await validate('a.pkr.hcl', local('upper([1])'))).stdout).toContain('a string is required');
    const json = { builders: [{ ...NULL_JSON, communicator: '{{uper `none`}}' }] };
    const { stdout } = await validate('a.json', JSON.stringify(json));
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('template: root:1: function "uper" not defined');
  });

  test('a file of values with names that nobody declares warns, with wrong types fails', async () => {
    project.write('v.pkrvars.hcl', 'nobody = 1\nn = ["x"]\n');
    const said = await validate(
      'a.pkr.hcl',
      'variable "n" {\n  type = number\n}\n',
      '-var-file=v.pkrvars.hcl',
      '-syntax-only',
    );
    expect(said.code).toBe(1);
    expect(said.stdout).toContain('Warning: Undefined variable');
    expect(said.stdout).toContain('Error: Invalid value for variable');
  });

  test('templatefile reads outside the folder, as Packer does, and says what it cannot read', async () => {
    project.write('outside.txt', 'Hello ${name}').write('t/a.pkr.hcl', 'locals {}\n');
    const say = async (line: string): Promise<Said> =>
      await project.run(['console', 't'], { stdin: `${line}\n` });
    expect((await say('templatefile("../outside.txt", { name = "you" })')).stdout).toBe('Hello you\n');
    for (const [line, message] of [
      ['templatefile("../nope.txt", {})', 'no file exists at ../nope.txt'],
      ['templatefile("..", {})', 'is not a regular file'],
      ['file("/dev/zero")', 'is not a regular file'],
    ] as const) {
      const said = await say(line);
      expect(said.code).toBe(1);
      expect(said.stdout).toContain(message);
    }
  });
});
