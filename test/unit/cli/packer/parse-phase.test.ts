import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

const syntax = async (text: string): Promise<{ readonly code: number; readonly stdout: string }> => {
  project.write('t.pkr.hcl', text);
  return await project.run(['validate', '-syntax-only', 't.pkr.hcl']);
};

describe('validate -syntax-only reads what stands before values and builds', () => {
  test.each([
    ['source {}', 'Error: Missing type for source'],
    ['source "null" {}', 'Error: Missing name for source'],
    ['data "null" {}', 'Error: Missing name for data'],
    ['variable {}', 'Error: Missing name for variable'],
    ['build "x" {}', 'Error: Extraneous label for build'],
    ['locals {\n  a = 1\n  b {}\n}', 'Error: Unexpected "b" block'],
    ['data "null" "a" {}\ndata "null" "a" {}', 'Error: Duplicate data block'],
    ['variable "a" {}\nvariables {\n  a = 1\n}', 'Error: Duplicate variable'],
    ['local "a" {\n  expression = 1\n}\nlocals {\n  a = 2\n}', 'Error: Duplicate local definition'],
    ['packer {\n  required_version = "no"\n}', 'Error: Invalid version constraint'],
    ['invalid\n', 'An argument or block definition is required here.'],
    ['= 1\n', 'Error: Argument or block definition required'],
  ])('%j: %s', async (text, message) => {
    const { code, stdout } = await syntax(`${text}\n`);
    expect(stdout).toContain(message);
    expect(code).toBe(1);
  });

  test.each([
    'local "a" {\n  expression = local.b\n}\nlocals {\n  b = local.a\n}\n',
    'build {\n  sources = ["null.nope"]\n  provisioner "nope" {}\n}\n',
    'variable "a" {}\n',
    'source "nope" "a" {\n  b = 1\n}\n',
  ])('%j is for the full check', async (text) => {
    expect(await syntax(text)).toMatchObject({
      code: 0,
      stdout: 'Syntax-only check passed. Everything looks okay.\n',
    });
    expect((await project.run(['validate', 't.pkr.hcl'])).code).toBe(1);
  });

  test('a version that is not met is said alone: the rest may be for that version', async () => {
    const { code, stdout } = await syntax('packer {\n  required_version = ">= 99"\n}\nnews "x" {}\n');
    expect(code).toBe(1);
    expect(stdout.match(/^Error: /gm)).toEqual(['Error: ']);
    expect(stdout).toContain('Error: Unsupported Packer Core version');
  });
});

describe('required_plugins', () => {
  const plugins = (inside: string): string => `packer {\n  required_plugins {\n    ${inside}\n  }\n}\n`;

  test.each([
    ['a = ">= 1"', 'Invalid plugin requirement'],
    ['a = null', 'Invalid required_plugins syntax'],
    ['a = { source = "github.com/o/a" }', 'No version constraint was set'],
    ['a = { version = ">= 1" }', 'No source was set'],
    ['a = { version = 1, source = "github.com/o/a" }', 'Invalid version constraint'],
    ['a = { version = "one", source = "github.com/o/a" }', 'Invalid version constraint'],
    ['a = { version = ">= 1.0.0-dev", source = "github.com/o/a" }', 'Unsupported prerelease'],
    ['a = { version = ">= 1", source = "o/a" }', 'Failed to parse source'],
    ['a = { version = ">= 1", source = "https://github.com/o/a" }', 'scheme'],
    ['a = { version = ">= 1", source = "github.com/o/a?b=c" }', 'query'],
    ['a = { version = ">= 1", source = "/github.com/o/a/" }', "must not start with a '/'"],
    ['a = { version = ">= 1", source = "github.com/o/packer-plugin-a" }', 'Did you mean "a"?'],
    ['a = { version = ">= 1", source = "github.com/o/a--b" }', 'Invalid plugin type "a--b"'],
    ['a = { version = ">= 1", source = "github.com/o/a", x = 1 }', 'Invalid required_plugins object'],
    ['A = { version = ">= 1", source = "github.com/o/a" }', 'Invalid plugin local name'],
    ['a {}', 'Unexpected "a" block'],
  ])('%s: %s', async (inside, message) => {
    const { code, stdout } = await syntax(plugins(inside));
    expect(stdout.replaceAll('\n', ' ')).toContain(message);
    expect(code).toBe(1);
  });

  test('good ones', async () => {
    const good =
      'a = { version = ">= 1, < 2.0", source = "git.example.com/x/y/a" }\n    b-c = { version = "~> 1.2", source = "github.com/o/b-c" }';
    expect((await syntax(plugins(good))).code).toBe(0);
  });

  test('one name for two plugins is an error of validate and init', async () => {
    const block = plugins('docker = { version = ">= 1", source = "github.com/hashicorp/docker" }');
    project.write('a.pkr.hcl', block + block);
    for (const command of ['validate', 'init']) {
      const { code, stdout } = await project.run([command, 'a.pkr.hcl']);
      expect(code).toBe(1);
      expect(stdout).toContain('Duplicate required_plugin."docker" block');
    }
  });
});

describe('-use-sequential-evaluation', () => {
  const builds = 'source "null" "a" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.a"]\n}\n';
  const run = async (text: string): Promise<readonly [number, number]> => {
    project.write('a.pkr.hcl', text + builds);
    const free = await project.run(['validate', 'a.pkr.hcl']);
    const old = await project.run(['validate', '-use-sequential-evaluation', 'a.pkr.hcl']);
    return [free.code, old.code];
  };

  test('a data source may not wait for a local', async () => {
    expect(await run('locals {\n  l = "x"\n}\ndata "null" "d" {\n  input = local.l\n}\n')).toEqual([0, 1]);
    expect(await run('data "null" "d" {\n  input = "x"\n}\nlocals {\n  l = data.null.d.output\n}\n')).toEqual(
      [0, 0],
    );
  });

  test('ten locals may wait for each other, eleven may not', async () => {
    const chain = (length: number): string =>
      `locals {\n${Array.from({ length }, (_, at) => `  l${at} = ${at + 1 === length ? '1' : `local.l${at + 1}`}\n`).join('')}}\n`;
    expect(await run(chain(10))).toEqual([0, 0]);
    expect(await run(chain(11))).toEqual([0, 1]);
  });
});

test('a rule of a variable that is broken names where the value came from', async () => {
  project.write(
    'a.pkr.hcl',
    'variable "a" {\n  default = "x"\n  validation {\n    condition     = var.a != "x"\n    error_message = "Not x."\n  }\n}\n',
  );
  const said = async (args: readonly string[], env = {}): Promise<string> =>
    (await project.run(['validate', ...args, 'a.pkr.hcl'], { env })).stdout;
  expect(await said([])).toContain('Error: Invalid value for default variable');
  expect(await said(['-var', 'a=x'])).toContain('Error: Invalid value for cmd variable');
  expect(await said([], { PKR_VAR_a: 'x' })).toContain('Error: Invalid value for env variable');
  project.write('v.hcl', 'a = "x"\n');
  expect(await said(['-var-file', 'v.hcl'])).toContain('Error: Invalid value for varfile variable');
});

test('path.root of a file has no ./ before it', async () => {
  project.write('sub/a.pkr.hcl', 'locals {\n  a = 1\n}\n');
  const root = async (template: string): Promise<string> =>
    (await project.run(['console', template], { stdin: 'path.root\n' })).stdout;
  expect(await root('./sub/a.pkr.hcl')).toBe('sub\n');
  expect(await root('./sub')).toBe('./sub\n');
});

describe('fix', () => {
  test('takes JSON only, and does not mind the version asked for', async () => {
    project
      .write('a.pkr.hcl', builtNull)
      .write('a.json', '{"builders": [{"type": "null"}], "min_packer_version": "101.0.0"}');
    expect(await project.run(['fix', 'a.pkr.hcl'])).toMatchObject({
      code: 1,
      stdout: 'packer fix only works with JSON files for now.\n',
    });
    expect((await project.run(['fix', 'a.json'])).code).toBe(0);
    expect((await project.run(['validate', 'a.json'])).code).toBe(1);
  });

  const builtNull = 'build {}\n';
});

test('syntax errors of JSON: line, column as Packer counts them, offset', async () => {
  const said = async (text: string): Promise<string> => {
    project.write('a.json', text);
    return (await project.run(['validate', 'a.json'])).stdout;
  };
  expect(await said('{"builders" [')).toContain('At line 1, column 13 (offset 13):');
  expect(await said('{\n  "builders": [}\n}')).toContain('At line 2, column 17 (offset 18):');
});
