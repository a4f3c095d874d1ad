import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runConsole } from '../../../../src/template/packer-hcl/console.ts';
import { type LoadOptions, loadPackerTemplate } from '../../../../src/template/packer-hcl/load/load.ts';
import type { LoadOutcome } from '../../../../src/template/packer-hcl/load/parsed-template.ts';
import { printValue } from '../../../../src/template/packer-hcl/values/print.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'packer-hcl-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

function load(
  files: Readonly<Record<string, string>>,
  more: Partial<LoadOptions> & { environment?: Record<string, string> } = {},
): LoadOutcome {
  write(files);
  const world = { workingDirectory: folder, environment: more.environment ?? {} };
  return loadPackerTemplate({ template: '.', packerVersion: '1.16.0', world, ...more });
}

const reasons = ({ failures }: LoadOutcome): string[] => failures.map(({ reason }) => reason);
const local = ({ template }: LoadOutcome, name: string): string =>
  printValue(template.locals.get(name)!.value);

describe('variables', () => {
  const declared = 'variable "x" {\n  type = string\n  default = "default"\n}\n';

  test('a stronger source wins over a weaker one', () => {
    const steps: [Readonly<Record<string, string>>, Parameters<typeof load>[1], string][] = [
      [{ 'a.pkr.hcl': declared }, {}, 'default'],
      [{}, { environment: { PKR_VAR_x: 'env' } }, 'env'],
      [{ 'z.auto.pkrvars.hcl': 'x = "auto"\n' }, { environment: { PKR_VAR_x: 'env' } }, 'auto'],
      [{ 'a.auto.pkrvars.json': '{"x": "json ${auto}"}' }, {}, 'json ${auto}'],
      [
        { 'one.hcl': 'x = "one"\n', 'two.hcl': 'x = "two"\n' },
        { variableFiles: ['one.hcl', 'two.hcl'] },
        'two',
      ],
      [{}, { variableFiles: ['one.hcl'], variables: [['x', 'flag']] }, 'flag'],
    ];
    for (const [files, options, expected] of steps) {
      const outcome = load(files, options);
      expect(outcome.failures).toEqual([]);
      expect(outcome.template.variables.get('x')?.value.data).toBe(expected);
    }
  });

  test('text of a collection type is an expression, text of a string type is not', () => {
    const outcome = load(
      {
        'a.pkr.hcl':
          'variable "l" {\n  type = list(string)\n}\nvariable "s" {\n  type = string\n}\nvariable "n" {\n  type = number\n}\n',
      },
      {
        variables: [
          ['l', '["a", "b"]'],
          ['s', '["a"]'],
          ['n', '12.50'],
        ],
      },
    );
    expect(outcome.failures).toEqual([]);
    const { variables } = outcome.template;
    expect(printValue(variables.get('l')!.value)).toBe('[\n  "a",\n  "b",\n]');
    expect(variables.get('s')?.value.data).toBe('["a"]');
    expect(printValue(variables.get('n')!.value)).toBe('12.5');
  });

  test('optional attributes take their defaults', () => {
    const type = 'object({ name = string, size = optional(number, 8), note = optional(string) })';
    const outcome = load({
      'a.pkr.hcl': `variable "o" {\n  type = ${type}\n  default = { name = "a" }\n}\n`,
    });
    expect(outcome.failures).toEqual([]);
    expect(printValue(outcome.template.variables.get('o')!.value)).toBe('{\n  "name" = "a"\n  "size" = 8\n}');
  });

  test('mistakes are told with their places and the nearest name', () => {
    const outcome = load(
      { 'a.pkr.hcl': declared, 'v.pkrvars.hcl': 'y = 1\n' },
      { variables: [['xx', '1']], variableFiles: ['v.pkrvars.hcl'] },
    );
    expect(outcome.failures).toMatchObject([{ reason: 'variable-unknown', hint: 'Did you mean "x"?' }]);
    expect(outcome.warnings).toMatchObject([
      { reason: 'variable-unknown', origin: { file: 'v.pkrvars.hcl', line: 1, column: 1 } },
    ]);
  });

  test.each([
    ['variable "a" {\n}\n', ['variable-missing']],
    ['variable "a" {\n  type = list(nope)\n}\n', ['template-invalid']],
    ['variable "a" {\n  type = number\n  default = "x"\n}\n', ['variable-invalid']],
    ['variable "a" {\n  defualt = 1\n}\n', ['unknown-option', 'variable-missing']],
    ['variable "a" {\n  default = var.b\n}\n', ['variable-unknown']],
    ['source "null" "a" {\n}\nbuild {\n  sources = "null.a"\n}\n', ['template-invalid']],
    ['source "null" "a" {\n}\nbuild {\n  sources = [["null.a"]]\n}\n', ['template-invalid']],
    ['variable "a" { default = 1 }\nvariable "a" { default = 1 }\n', ['duplicate-name']],
    [
      'variable "a" {\n  default = "x"\n  validation {\n    condition = length(var.a) > 3\n    error_message = "Too short."\n  }\n}\n',
      ['variable-invalid'],
    ],
    [
      'variable "a" {\n  default = "x"\n  validation {\n    condition = var.b\n    error_message = "Bad."\n  }\n}\n',
      ['template-invalid'],
    ],
    [
      'variable "a" {\n  default = "x"\n  validation {\n    condition = var.a == "x"\n    error_message = "lower case"\n  }\n}\n',
      ['template-invalid'],
    ],
  ])('%j', (text, expected) => expect(reasons(load({ 'a.pkr.hcl': text }))).toEqual(expected));

  test('env is for defaults alone', () => {
    const outcome = load(
      { 'a.pkr.hcl': 'variable "a" {\n  default = env("WHO")\n}\n' },
      { environment: { WHO: 'me' } },
    );
    expect(outcome.template.variables.get('a')?.value.data).toBe('me');
    expect(reasons(load({ 'a.pkr.hcl': 'locals {\n  a = env("WHO")\n}\n' }))).toEqual(['template-invalid']);
  });
});

describe('locals', () => {
  test('are evaluated in the order they need, whatever their order in the files', () => {
    const outcome = load({
      'a.pkr.hcl': 'locals {\n  c = "${local.b}c"\n}\nlocal "b" {\n  expression = "${local.a}b"\n}\n',
      'b.pkr.hcl': 'locals {\n  a = upper(var.v)\n}\nvariable "v" {\n  default = "a"\n}\n',
    });
    expect(outcome.failures).toEqual([]);
    expect(local(outcome, 'c')).toBe('Abc');
  });

  test('a circle is shown as a trail', () => {
    const outcome = load({
      'a.pkr.hcl': 'locals {\n  a = local.b\n  b = local.c\n  c = local.b\n  d = 1\n}\n',
    });
    expect(outcome.failures).toMatchObject([
      {
        reason: 'dependency-cycle',
        message: 'Cycle of locals: local.b → local.c → local.b.',
        origin: { line: 3, column: 3 },
      },
    ]);
    expect(local(outcome, 'd')).toBe('1');
  });

  test('a chain of ten thousand is fine', () => {
    const lines = Array.from(
      { length: 10_000 },
      (_, index) => `  l${index} = ${index === 9999 ? '1' : `local.l${index + 1} + 1`}`,
    );
    const outcome = load({ 'a.pkr.hcl': `locals {\n${lines.join('\n')}\n}\n` });
    expect(outcome.failures).toEqual([]);
    expect(local(outcome, 'l0')).toBe('10000');
  });

  test('a misspelt reference names the nearest', () => {
    expect(load({ 'a.pkr.hcl': 'locals {\n  first = 1\n  b = local.frist\n}\n' }).failures).toMatchObject([
      { reason: 'variable-unknown', hint: 'Did you mean "first"?', origin: { line: 3, column: 7 } },
    ]);
  });

  test('data sources are unknown until their values are given', () => {
    const files = {
      'a.pkr.hcl': 'data "null" "d" {\n  input = "x"\n}\nlocals {\n  a = "<${data.null.d.output}>"\n}\n',
    };
    expect(local(load(files), 'a')).toBe('<unknown>');
  });
});

test('a data source that refers to what does not exist is told so', () => {
  const files = { 'a.pkr.hcl': 'data "http" "d" {\n  url = local.no_dep\n}\n' };
  expect(load(files).failures).toMatchObject([
    { reason: 'variable-unknown', origin: { line: 2, column: 9 } },
  ]);
});

test('what is made of a sensitive value is sensitive, what stands beside it is not', () => {
  const outcome = load({
    'a.pkr.hcl':
      'variable "s" {\n  sensitive = true\n  default = "hush"\n}\nvariable "p" {\n  default = "plain"\n}\nlocals {\n' +
      '  a = upper("x${var.s}")\n  b = [var.p, var.s]\n  c = local.b[0]\n  d = var.p\n  e = { k = var.s }.k == "x"\n}\n',
  });
  expect(outcome.failures).toEqual([]);
  const marks = [...outcome.template.locals].map(([name, { value }]) => [name, value.sensitive]);
  expect(Object.fromEntries(marks)).toEqual({ a: true, b: true, c: false, d: false, e: true });
});

describe('blocks', () => {
  const text = `
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    docker = { version = ">= 1.0.0", source = "github.com/hashicorp/docker" }
  }
}
source "null" "a" {
  communicator = "none"
}
build {
  name    = "b"
  sources = ["source.null.a"]
  source "null.a" {
    name = "second"
  }
  provisioner "shell" {
    inline = ["echo \${build.ID}"]
  }
  provisioner "file" {}
  post-processors {
    post-processor "manifest" {}
  }
}
`;

  test('keep their order, their sources and their bodies', () => {
    const { template, failures } = load({ 'a.pkr.hcl': text });
    expect(failures).toEqual([]);
    const [build] = template.builds;
    expect(build).toMatchObject({
      name: 'b',
      sources: [{ type: 'null', name: 'a' }, { localName: 'second' }],
    });
    expect(build?.steps.map(({ name, labels }) => [name, ...labels.map(({ value }) => value)])).toEqual([
      ['provisioner', 'shell'],
      ['provisioner', 'file'],
      ['post-processors'],
    ]);
    expect(template.requiredPlugins).toMatchObject([
      { name: 'docker', version: '>= 1.0.0', source: 'github.com/hashicorp/docker' },
    ]);
  });

  test('the JSON form gives the same', () => {
    const json = {
      '//': 'a comment',
      variable: { x: { type: 'string', default: 'y' } },
      locals: { l: '${upper(var.x)}' },
      source: { null: { a: { communicator: 'none' } } },
      build: { sources: ['source.null.a'], provisioner: [{ shell: { inline: ['a'] } }, { file: {} }] },
    };
    const outcome = load({ 'a.pkr.json': JSON.stringify(json) });
    expect(outcome.failures).toEqual([]);
    expect(local(outcome, 'l')).toBe('Y');
    expect(outcome.template.builds[0]?.steps.map(({ labels }) => labels[0]?.value)).toEqual([
      'shell',
      'file',
    ]);
  });

  test('dynamic blocks of the JSON form are those of the native one', () => {
    const steps = ({ template }: LoadOutcome): unknown =>
      template.builds[0]?.steps.map(({ name, labels, body }) => [
        name,
        labels.map(({ value }) => value),
        body.items.map((item) => [item.name, item.type]),
      ]);
    const native = load({
      'a.pkr.hcl':
        'build {\n  dynamic "provisioner" {\n    for_each = ["a", "b"]\n    iterator = it\n    labels   = ["shell"]\n    content {\n      inline = [it.value]\n    }\n  }\n  dynamic "post-processors" {\n    for_each = [1]\n    content {\n      post-processor "manifest" {}\n      dynamic "post-processor" {\n        for_each = { checksum = 1 }\n        labels   = [post-processor.key]\n        content {}\n      }\n    }\n  }\n}\n',
    });
    const json = {
      build: {
        dynamic: {
          provisioner: {
            for_each: ['a', 'b'],
            iterator: 'it',
            labels: ['shell'],
            content: { inline: ['${it.value}'] },
          },
          'post-processors': {
            for_each: [1],
            content: {
              'post-processor': { manifest: {} },
              dynamic: {
                'post-processor': {
                  for_each: { checksum: 1 },
                  labels: ['${post-processor.key}'],
                  content: {},
                },
              },
            },
          },
        },
      },
    };
    const other = load({ 'b.pkr.json': JSON.stringify(json) }, { template: 'b.pkr.json' });
    expect(native.failures).toEqual([]);
    expect(other.failures).toEqual([]);
    expect(steps(other)).toEqual(steps(native));
    expect(steps(other)).toEqual([
      ['provisioner', ['shell'], [['inline', 'attribute']]],
      ['provisioner', ['shell'], [['inline', 'attribute']]],
      [
        'post-processors',
        [],
        [
          ['post-processor', 'block'],
          ['post-processor', 'block'],
        ],
      ],
    ]);
  });

  test('a build of an unknown source names the nearest', () => {
    expect(
      load({ 'a.pkr.hcl': 'source "null" "abc" {}\nbuild {\n  sources = ["null.abd"]\n}\n' }).failures,
    ).toMatchObject([
      {
        reason: 'template-invalid',
        hint: 'Did you mean "null.abc"?',
        origin: { line: 2, column: 1 },
        related: [{ range: { line: 3, column: 14 } }],
      },
    ]);
  });

  test('a missing template is a failure, not a crash', () => {
    expect(reasons(load({}))).toEqual(['template-not-found']);
    expect(reasons(load({}, { template: 'nope' }))).toEqual(['template-not-found']);
  });
});

test('the console knows the template and hides its secrets', () => {
  write({
    'a.pkr.hcl':
      'variable "s" {\n  sensitive = true\n  default = "hush"\n}\nlocals {\n  a = "say ${var.s}"\n}\n',
  });
  const options = {
    template: '.',
    packerVersion: '1.16.0',
    world: { workingDirectory: folder, environment: {} },
  };
  expect(runConsole(['local.a'], options).stdout).toBe('say <sensitive>\n');
  expect(runConsole(['variables'], options).stdout).toBe(
    '> input-variables:\n\nvar.s: "<sensitive>"\n\n> local-variables:\n\nlocal.a: "say <sensitive>"\n\n',
  );
  expect(runConsole(['nope.x', 'path.root'], options)).toMatchObject({ exitCode: 1, stdout: '.\n' });
});
