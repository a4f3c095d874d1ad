import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/packer/commands.ts';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

const NULL_BUILD = `source "null" "a" {
  communicator = "none"
}

build {
  sources = ["null.a"]
}
`;

describe('command line', () => {
  test('unknown command and no command end with 127, help with 0', async () => {
    expect((await project.run(['frobnicate'])).code).toBe(127);
    expect((await project.run([])).code).toBe(127);
    expect((await project.run(['--help'])).code).toBe(0);
    const help = await project.run(['validate', '-h']);
    expect(help).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: packer validate/) as string,
    });
  });

  test.each(Object.keys(COMMANDS))('%s -h shows command lines that it takes', async (name) => {
    const { code, stdout } = await project.run([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: packer /);
    expect(stdout).toContain(`\nExamples:\n\n  `);
    expect(stdout.split('\nExamples:\n')[1]).toContain(`packer ${name}`);
  });

  test.each(['-autocomplete-install', '--autocomplete-uninstall'])(
    '%s says what to do instead',
    async (flag) => {
      expect(await project.run([flag])).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('source <(imgpipe completion)') as string,
      });
    },
  );

  test('bad flags say what is wrong and show the usage', async () => {
    const unknown = await project.run(['validate', '-foo', 'x']);
    expect(unknown.code).toBe(1);
    expect(unknown.stdout).toContain('flag provided but not defined: -foo');
    expect((await project.run(['validate', '-syntax-only=maybe', 'x'])).stdout).toContain(
      'invalid boolean value "maybe" for -syntax-only: parse error',
    );
    expect((await project.run(['validate', '-var', 'x', 'y'])).stdout).toContain("No '=' value in arg: x");
    expect((await project.run(['validate', '-var-file'])).stdout).toContain(
      'flag needs an argument: -var-file',
    );
  });

  test('-machine-readable anywhere, commas and line ends replaced', async () => {
    const { stdout } = await project.run(['version', '-machine-readable']);
    expect(stdout).toMatch(/^\d{10},,version,1\.16\.0\n\d{10},,version-prelease,\n/);
    project.write('a.pkr.hcl', 'build {\n  sources = ["a", ]\n  x = 1\n}\n');
    const failed = await project.run(['validate', 'a.pkr.hcl', '-machine-readable']);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(
      /^\d{10},,ui,error,Error: Unsupported argument\\n\\n {2}on a\.pkr\.hcl line 3%!\(PACKER_COMMA\) in build:/,
    );
  });

  test('build and plugins say what is not there', async () => {
    expect(await project.run(['build', 'x'])).toMatchObject({ code: 1 });
    expect((await project.run(['plugins', 'install', 'x'])).code).toBe(1);
    expect(await project.run(['plugins', 'installed'])).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('validate', () => {
  test('a valid template', async () => {
    project.write('a.pkr.hcl', NULL_BUILD);
    expect(await project.run(['validate', 'a.pkr.hcl'])).toMatchObject({
      code: 0,
      stdout: 'The configuration is valid.\n',
    });
    expect((await project.run(['validate', '--syntax-only', '.'])).stdout).toBe(
      'Syntax-only check passed. Everything looks okay.\n',
    );
  });

  test('HCL2 from standard input', async () => {
    const validate = async (stdin: string): Promise<{ code: number; stdout: string }> =>
      await project.run(['validate', '-config-type=hcl2', '-'], { stdin });
    expect(await validate(NULL_BUILD)).toMatchObject({ code: 0, stdout: 'The configuration is valid.\n' });
    expect((await validate('build {\n  x = 1\n}\n')).stdout).toContain(
      'on - line 2, in build:\n   2:   x = 1\n',
    );
    expect((await project.run(['validate', '-'], { stdin: '{"builders": []}' })).stdout).toContain(
      'at least one builder must be defined',
    );
  });

  test('an unknown option has its place and the nearest name', async () => {
    project.write('a.pkr.hcl', NULL_BUILD.replace('"none"\n', '"none"\n  ssh_usrname = "x"\n'));
    const { code, stdout } = await project.run(['validate', 'a.pkr.hcl']);
    expect(code).toBe(1);
    expect(stdout).toBe(
      'Error: Unsupported argument\n\n  on a.pkr.hcl line 3, in source "null" "a":\n   3:   ssh_usrname = "x"\n\nAn argument named "ssh_usrname" is not expected here. Did you mean\n"ssh_username"?\n\n\n',
    );
  });

  test('what provisioners and post-processors lack', async () => {
    project.write(
      'a.pkr.hcl',
      NULL_BUILD.replace(
        /\}\n$/,
        `  provisioner "shell" {
    name   = "n"
    inline = ["a"]
    script = "gone.sh"
    environment_vars = ["NOPE"]
  }
  provisioner "sleep" {
    duration = "5"
  }
  provisioner "file" {
    direction = "sideways"
  }
  post-processor "checksum" {
    checksum_types = ["crc32"]
  }
}
`,
      ),
    );
    const { code, stdout } = await project.run(['validate', 'a.pkr.hcl']);
    expect(code).toBe(1);
    expect(stdout).toContain('Failed preparing provisioner-block "shell" "n"');
    expect(stdout).toContain('Only a script file or an inline script can be specified, not both.');
    expect(stdout).toContain("Bad script 'gone.sh': stat gone.sh: no such file or directory");
    expect(stdout).toContain("Environment variable not in format 'key=value': NOPE");
    expect(stdout).toContain('time: missing unit in duration "5"');
    expect(stdout).toContain('Direction must be one of: download, upload.');
    expect(stdout).toContain('Unrecognized checksum type: crc32');
  });

  test('an unknown builder names its plugin; the rest is checked', async () => {
    project.write(
      'a.pkr.hcl',
      'source "amazon-ebs" "x" {\n  region = "r"\n}\nbuild {\n  sources = ["amazon-ebs.x"]\n  provisioner "shell" {}\n}\n',
    );
    const { code, stdout } = await project.run(['validate', 'a.pkr.hcl']);
    expect(code).toBe(1);
    expect(stdout).toContain('Error: Unknown source type amazon-ebs');
    expect(stdout).toMatch(/github\.com\/hashicorp\/amazon \(~> 1\)/);
    expect(stdout).toContain('Either a script file or inline script must be specified.');
  });

  test('an argument in a source and again in the build is an error', async () => {
    project.write(
      'a.pkr.hcl',
      'source "null" "a" {\n  communicator = "none"\n}\nbuild {\n  source "null.a" {\n    communicator = "none"\n  }\n}\n',
    );
    const { code, stdout } = await project.run(['validate', 'a.pkr.hcl']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/Error: Duplicate argument[^]*line 6[^]*line 2[^]*"communicator" was already set/);
  });

  test('post-processors of the docker plugin', async () => {
    const chain = (push: string): string =>
      `source "docker" "a" {\n  image  = "debian"\n  commit = true\n}\nbuild {\n  sources = ["docker.a"]\n  post-processors {\n    post-processor "docker-tag" {\n      repository = "x"\n      tags       = ["1"]\n      force      = true\n    }\n    post-processor "docker-push" {${push}}\n  }\n  post-processor "docker-save" {\n    path = "x.tar"\n  }\n  post-processor "docker-import" {\n    repository = "y"\n  }\n}\n`;
    expect((await project.write('a.pkr.hcl', chain('')).run(['validate', 'a.pkr.hcl'])).code).toBe(0);
    const said = await project.write('a.pkr.hcl', chain(' ecr_login = true ')).run(['validate', 'a.pkr.hcl']);
    expect(said).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('ECR login requires login server') as string,
    });
  });

  test('only and except choose builds by globs', async () => {
    project.write(
      'a.pkr.hcl',
      'source "file" "bad" {}\nsource "null" "good" {\n  communicator = "none"\n}\nbuild {\n  name = "b"\n  sources = ["file.bad", "null.good"]\n}\n',
    );
    expect((await project.run(['validate', 'a.pkr.hcl'])).code).toBe(1);
    expect((await project.run(['validate', '-only=b.null.*', 'a.pkr.hcl'])).code).toBe(0);
    expect((await project.run(['validate', '-except=*file*', 'a.pkr.hcl'])).code).toBe(0);
    const none = await project.run(['validate', '-only=nope', 'a.pkr.hcl']);
    expect(none.code).toBe(0);
    expect(none.stdout).toContain('Possible build names: [b.file.bad b.null.good].');
  });

  test('values for undeclared variables warn in Packer’s words, and are silent on request', async () => {
    project.write('a.pkr.hcl', NULL_BUILD).write('v.pkrvars.hcl', 'unused = "x"\n');
    const { code, stdout } = await project.run(['validate', '-var-file=v.pkrvars.hcl', 'a.pkr.hcl']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      'Warning: Undefined variable\n\nThe variable "unused" was set but was not declared as an input variable.\nTo declare variable "unused" place this block in one of your .pkr.hcl files,\nsuch as variables.pkr.hcl\n\nvariable "unused" {\n  type    = string\n  default = null\n}\n\n\nThe configuration is valid.\n',
    );
    const quiet = await project.run(['validate', '-no-warn-undeclared-var', '-var-file=v.pkrvars.hcl', '.']);
    expect(quiet.stdout).toBe('The configuration is valid.\n');
    expect((await project.run(['validate', '-var', 'unused=x', '.'])).stdout).toContain(
      'Undefined -var variable',
    );
  });

  test('variables: default < environment < auto file < -var-file < -var', async () => {
    project.write('d/a.pkr.hcl', 'variable "x" {\n  default = "default"\n}\n');
    const show = async (
      args: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ): Promise<string> => (await project.run(['console', ...args, 'd'], { stdin: 'var.x', env })).stdout;
    expect(await show([])).toBe('default\n');
    expect(await show([], { PKR_VAR_x: 'env' })).toBe('env\n');
    project.write('d/z.auto.pkrvars.hcl', 'x = "auto"\n').write('f.json', '{"x": "file"}');
    expect(await show([], { PKR_VAR_x: 'env' })).toBe('auto\n');
    expect(await show(['-var-file', 'f.json'])).toBe('file\n');
    expect(await show(['-var-file', 'f.json', '-var', 'x=flag'])).toBe('flag\n');
  });

  test('dynamic blocks, labels and iterators', async () => {
    project.write(
      'a.pkr.hcl',
      `locals { lines = { one = "echo 1", two = "echo 2" } }
source "null" "a" {
  communicator = "none"
}
build {
  sources = ["null.a"]
  dynamic "provisioner" {
    for_each = local.lines
    labels   = ["shell-local"]
    iterator = line
    content {
      name   = line.key
      inlin  = [line.value]
    }
  }
}
`,
    );
    const { stdout } = await project.run(['validate', 'a.pkr.hcl']);
    expect(stdout).toContain('Failed preparing provisioner-block "shell-local" "one"');
    expect(stdout).toContain('Failed preparing provisioner-block "shell-local" "two"');
    const fixed = project.read('a.pkr.hcl').replace('inlin ', 'inline');
    expect((await project.write('a.pkr.hcl', fixed).run(['validate', '.'])).code).toBe(0);
  });

  test('data sources are read only on request', async () => {
    project
      .write('x', 'x')
      .write(
        'a.pkr.hcl',
        `data "null" "dep" {\n  input = "upload"\n}\n${NULL_BUILD.replace(/\}\n$/, '  provisioner "file" {\n    source = "x"\n    destination = "y"\n    direction = data.null.dep.output\n  }\n}\n')}`,
      );
    expect((await project.run(['validate', 'a.pkr.hcl'])).code).toBe(1);
    expect((await project.run(['validate', '--evaluate-datasources', 'a.pkr.hcl'])).code).toBe(0);
  });

  test('a version that is asked for and not met', async () => {
    project.write('a.pkr.hcl', `packer {\n  required_version = ">= 700.0.0"\n}\n${NULL_BUILD}`);
    expect((await project.run(['validate', 'a.pkr.hcl'])).stdout).toContain(
      'Unsupported Packer Core version',
    );
  });
});

describe('bad input ends with a message and 1', () => {
  const cases: readonly (readonly [string, string, string | Uint8Array, RegExp])[] = [
    ['truncated HCL', 'a.pkr.hcl', 'source "null" "a" {\n  communicator = "no', /line 2/],
    ['truncated JSON', 'a.json', '{"builders": [{"type"', /Error parsing JSON.*\nAt line 1, column/],
    ['deep nesting, HCL', 'a.pkr.hcl', `locals {\n  a = ${'['.repeat(10_000)}\n}`, /nest/i],
    ['deep nesting, JSON', 'a.json', `{"builders": ${'['.repeat(10_000)}`, /nest/i],
    ['not UTF-8', 'a.pkr.hcl', Uint8Array.of(0x6c, 0xff, 0xfe), /UTF-8/],
    ['duplicate source', 'a.pkr.hcl', `source "null" "a" {}\n${NULL_BUILD}`, /Duplicate source block/],
    [
      'duplicate field',
      'a.json',
      '{"builders": [], "builders": []}',
      /template has duplicate field: builders/,
    ],
    [
      'circle of locals',
      'a.pkr.hcl',
      `locals {\n  a = local.b\n  b = local.a\n}\n${NULL_BUILD}`,
      /local\.a → local\.b → local\.a/,
    ],
    [
      'unknown function',
      'a.pkr.hcl',
      `locals {\n  a = uper("x")\n}\n${NULL_BUILD}`,
      /Did you mean "upper"\?/,
    ],
    ['wrong type', 'a.pkr.hcl', NULL_BUILD.replace('"none"', '["none"]'), /Incorrect attribute value type/],
    ['unknown block', 'a.pkr.hcl', `soruce "null" "b" {}\n${NULL_BUILD}`, /Did you mean "source"\?/],
    ['huge range', 'a.pkr.hcl', `locals {\n  a = range(1, 100000000)\n}\n${NULL_BUILD}`, /line 2/],
    [
      'unknown root key',
      'a.json',
      '{"builders": [{"type": "null"}], "bulders": 1}',
      /Unknown root level key in template: 'bulders'/,
    ],
    ['no builder', 'a.json', '{}', /at least one builder must be defined/],
    [
      'variable without value',
      'a.json',
      '{"variables": {"a": null}, "builders": [{"type": "null"}]}',
      /required variable not set: a/,
    ],
    [
      'unknown key',
      'a.json',
      '{"builders": [{"type": "file", "target": "x", "contents": "y"}]}',
      /unknown configuration key: '"contents"'[^]*Did you mean "content"\?/,
    ],
    [
      'circle of variables',
      'a.json',
      '{"variables": {"a": "{{user `b`}}", "b": "{{user `a`}}"}, "builders": [{"type": "null", "communicator": "none"}]}',
      /Failed to interpolate/,
    ],
  ];
  test.each(cases)('%s', async (_, file, content, message) => {
    const { code, stdout } = await project.write(file, content).run(['validate', file]);
    expect(stdout).toMatch(message);
    expect(code).toBe(1);
  });

  test('a byte order mark and carriage returns do no harm', async () => {
    project.write('a.pkr.hcl', `\uFEFF${NULL_BUILD.replaceAll('\n', '\r\n')}`);
    expect((await project.run(['validate', 'a.pkr.hcl'])).code).toBe(0);
    project.write('a.json', '\uFEFF{"builders": [{"type": "null",\r\n"communicator": "none"}]}');
    expect((await project.run(['validate', 'a.json'])).code).toBe(0);
  });
});

test('the JSON form of HCL2 names unknown properties', async () => {
  const body = {
    source: { null: { n: { communicator: 'none', ssh_hst: 'x' } } },
    build: { sources: ['null.n'] },
  };
  project.write('a.pkr.json', JSON.stringify(body));
  const { code, stdout } = await project.run(['validate', 'a.pkr.json']);
  expect(code).toBe(1);
  expect(stdout).toContain('No argument or block type is named "ssh_hst". Did you mean "ssh_host"?');
});

test('templates and files of values that are not there', async () => {
  expect((await project.run(['validate', 'gone.pkr.hcl'])).stdout).toContain(
    'Error: Could not find any config file in gone.pkr.hcl',
  );
  expect((await project.run(['validate', 'gone.json'])).stdout).toBe(
    '"gone.json": stat gone.json: no such file or directory\n',
  );
  project.write('a.pkr.hcl', NULL_BUILD).write('v.txt', '');
  expect((await project.run(['validate', '-var-file=v.txt', '.'])).stdout).toContain(
    'Could not guess format of v.txt',
  );
});

test('an override with an unknown option', async () => {
  project.write(
    'a.pkr.hcl',
    NULL_BUILD.replace(
      /\}\n$/,
      '  provisioner "shell" {\n    inline = ["x"]\n    override = { a = { foo = 1 } }\n  }\n}\n',
    ),
  );
  expect((await project.run(['validate', '.'])).stdout).toContain(`unknown configuration key: '"foo"'`);
});

describe('inspect', () => {
  test('names of steps are evaluated; locals that failed and those that need them are left out', async () => {
    project.write(
      'a.pkr.hcl',
      `variable "n" {\n  default = "named"\n}\nlocals {\n  bad = nope(1)\n  needs = "\${local.bad}x"\n  good = 1\n}\n${NULL_BUILD.replace(/\}\n$/, '  provisioner "shell-local" {\n    name   = var.n\n    inline = ["x"]\n  }\n}\n')}`,
    );
    const { code, stdout } = await project.run(['inspect', 'a.pkr.hcl']);
    expect(code).toBe(0);
    expect(stdout).toContain('\n      shell-local.named\n');
    expect(stdout.match(/local\.\w+: .*/g)).toEqual(['local.good: "1"']);
  });

  test('HCL2 hides secrets and lists builds', async () => {
    project.write(
      'a.pkr.hcl',
      'variable "s" {\n  default = "hush"\n  sensitive = true\n}\nlocals {\n  l = "is ${var.s}"\n}\nsource "null" "a" {}\nbuild {\n  name = "b"\n  sources = ["null.a"]\n  provisioner "shell" {\n    name = "n"\n  }\n  post-processors {\n    post-processor "compress" {}\n    post-processor "manifest" {}\n  }\n}\n',
    );
    const { code, stdout } = await project.run(['inspect', 'a.pkr.hcl']);
    expect(code).toBe(0);
    expect(stdout).toBe(
      'Packer Inspect: HCL2 mode\n\n> input-variables:\n\nvar.s: "<sensitive>"\n\n> local-variables:\n\nlocal.l: "is <sensitive>"\n\n> builds:\n\n  > b:\n\n    sources:\n\n      null.a\n\n    provisioners:\n\n      shell.n\n\n    post-processors:\n\n      0:\n        compress\n        manifest\n\n',
    );
  });
});

describe('fmt', () => {
  test('-check ends with 3, then the file is written, then nothing is left', async () => {
    project
      .write('a.pkr.hcl', 'locals {\na=1\n}\n')
      .write('skip.hcl', 'a=1\n')
      .write('b/c.pkrvars.hcl', 'x=1\n');
    expect(await project.run(['fmt', '-check', '.'])).toMatchObject({ code: 3, stdout: 'a.pkr.hcl\n' });
    expect(project.read('a.pkr.hcl')).toBe('locals {\na=1\n}\n');
    const diff = await project.run(['fmt', '-diff', '-write=false', '.']);
    expect(diff.stdout).toBe(
      'a.pkr.hcl\n--- old/a.pkr.hcl\n+++ new/a.pkr.hcl\n@@ -1,3 +1,3 @@\n locals {\n-a=1\n+  a = 1\n }\n',
    );
    expect((await project.run(['fmt', '-recursive', '.'])).stdout).toBe('a.pkr.hcl\nb/c.pkrvars.hcl\n');
    expect(project.read('a.pkr.hcl')).toBe('locals {\n  a = 1\n}\n');
    expect(await project.run(['fmt', '-check', '-recursive', '.'])).toMatchObject({ code: 0, stdout: '' });
    expect((await project.run(['fmt', 'skip.hcl'])).code).toBe(1);
    expect(await project.run(['fmt', '-'], { stdin: 'a=1\n' })).toMatchObject({ code: 0, stdout: 'a = 1\n' });
  });
});

describe('init', () => {
  test('succeeds for what is built in, names what has no counterpart', async () => {
    const require = (name: string): string =>
      `packer {\n  required_plugins {\n    ${name} = {\n      source  = "github.com/hashicorp/${name}"\n      version = "~> 1"\n    }\n  }\n}\n${NULL_BUILD}`;
    expect((await project.write('a.pkr.hcl', require('docker')).run(['init', '.'])).code).toBe(0);
    expect((await project.write('a.pkr.hcl', require('qemu')).run(['init', '.'])).code).toBe(0);
    expect((await project.run(['plugins', 'required', 'a.pkr.hcl'])).stdout).toBe(
      'qemu github.com/hashicorp/qemu "~> 1"\n',
    );
    project.write('none.pkr.hcl', NULL_BUILD);
    expect((await project.run(['plugins', 'required', 'none.pkr.hcl'])).stdout).toContain(
      'No plugins requirement found',
    );
    expect((await project.run(['plugins', 'required'])).code).toBe(1);
    const { code, stdout } = await project.write('a.pkr.hcl', require('amazon')).run(['init', '.']);
    expect(code).toBe(1);
    expect(stdout).toContain('No counterpart for the plugin github.com/hashicorp/amazon');
    expect(stdout).toContain('a.pkr.hcl line 3');
    expect((await project.write('a.json', '{}').run(['init', 'a.json'])).stdout).toContain(
      'only works with HCL2',
    );
  });
});

describe('sbom-generate', () => {
  const STATUS = 'Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\n\n';
  const withSystem = (): PackerProject =>
    project
      .write('root/var/lib/dpkg/status', STATUS)
      .write('root/lib/apk/db/installed', 'P:musl\nV:1.2.4-r2\nA:x86_64\n\n')
      .write('root/etc/os-release', 'ID=debian\nVERSION_ID="12"\n');

  test('lists the packages of a folder, in both forms; options may stand behind the path', async () => {
    withSystem();
    const cyclonedx = await project.run(['sbom-generate', 'root']);
    expect(cyclonedx.code).toBe(0);
    expect(JSON.parse(cyclonedx.stdout)).toMatchObject({ bomFormat: 'CycloneDX' });
    expect(cyclonedx.stdout).toContain('nginx');
    expect(cyclonedx.stdout).toContain('musl');
    expect(cyclonedx.stderr).toContain('Generating cyclonedx-json SBOM for root');
    const spdx = await project.run(['sbom-generate', 'root', '-o', 'SPDX-json', '--scope=all-layers']);
    expect(JSON.parse(spdx.stdout)).toMatchObject({ spdxVersion: expect.any(String) as string });
  });

  test('leaves out what is excluded, and fails where nothing is installed', async () => {
    withSystem();
    const without = await project.run(['sbom-generate', '--exclude', './lib/**', 'root']);
    expect(without.stdout).not.toContain('musl');
    const nothing = await project.run(['sbom-generate', '--exclude=./lib/**', '--exclude=**/dpkg/*', 'root']);
    expect(nothing).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('SBOM generation failed') as string,
    });
  });

  test('follows links as the system in the folder does: nothing outside of it is read', async () => {
    withSystem().write('outside', STATUS.replace('nginx', 'of-the-host'));
    const at = (path: string): string => join(project.folder, 'root', path);
    mkdirSync(at('usr/lib/dpkg'), { recursive: true });
    renameSync(at('var/lib/dpkg/status'), at('usr/lib/dpkg/status'));
    symlinkSync('/usr/lib/dpkg/status', at('var/lib/dpkg/status'));
    const inside = await project.run(['sbom-generate', 'root']);
    expect(inside.stdout).toContain('nginx');
    rmSync(at('var/lib/dpkg/status'));
    symlinkSync(join(project.folder, 'outside'), at('var/lib/dpkg/status'));
    const outside = await project.run(['sbom-generate', 'root']);
    expect(outside).toMatchObject({ code: 0, stdout: expect.stringContaining('musl') as string });
    expect(outside.stdout).not.toContain('of-the-host');
  });

  test('names a format or scope that is not there', async () => {
    expect(await project.run(['sbom-generate', '-o', 'table', '.'])).toMatchObject({
      code: 1,
      stdout: 'unsupported format: table\n',
    });
    expect(await project.run(['sbom-generate', '-scope=x', '.'])).toMatchObject({
      code: 1,
      stdout: 'unsupported scope: x (supported: squashed, all-layers)\n',
    });
  });
});

test('a kind that is not there is named with the version that the template asks for', async () => {
  project.write(
    'a.pkr.hcl',
    `packer {
  required_plugins {
    amazon = {
      version = ">= 1.2.0, < 2.0"
      source  = "example.org/mirror/amazon"
    }
  }
}
source "amazon-ebs" "a" {
}
build {
  sources = ["amazon-ebs.a"]
  provisioner "ansible" {
  }
  provisioner "shell" {
  }
}
`,
  );
  const { code, stdout } = await project.run(['validate', 'a.pkr.hcl']);
  const text = stdout.replaceAll(/\s+/g, ' ');
  expect(code).toBe(1);
  expect(text).toContain('the plugin example.org/mirror/amazon (>= 1.2.0, < 2.0)');
  expect(text).toContain('the plugin github.com/hashicorp/ansible (~> 1)');
  expect(text).toContain('Either a script file or inline script must be specified');
});
