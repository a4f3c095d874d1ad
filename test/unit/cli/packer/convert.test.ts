import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { engine } from '../../../../src/engine.ts';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

const convert = async (...args: readonly string[]) => await project.run(['convert', ...args], { engine });

const TEMPLATE = `variable "greeting" {
  type        = string
  default     = "hello"
  description = "What the file says"
}
variable "times" {
  type    = number
  default = 2
}
variable "token" {
  type      = string
  sensitive = true
  default   = "correct-horse"
}
source "file" "page" {
  content = "\${var.greeting} \${upper("x")} $\${a.b} $\${HOME}"
  target  = "out/page.txt"
}
source "null" "host" {
  communicator = "none"
}
build {
  name    = "site"
  sources = ["file.page"]

  # Says it.
  provisioner "shell-local" {
    name             = "say it"
    pause_before     = "1s"
    max_retries      = 2
    environment_vars = ["TOKEN=\${var.token}"]
    inline           = ["echo \${var.greeting} \${var.times}"]
  }
  error-cleanup-provisioner "shell-local" {
    inline = ["true"]
  }
  post-processors {
    post-processor "checksum" {
      output = "out/sum"
    }
    post-processor "manifest" {
      output = "out/manifest.json"
    }
  }
  // Packs it.
  post-processor "compress" {
    output = "out/page.tar.gz"
  }
}
build {
  sources = ["null.host"]
  provisioner "shell-local" {
    inline = ["echo \${build.ID} \${build.User}"]
  }
}
`;

test('a template becomes pipelines in YAML, and both make the same plan', async () => {
  project.write('t.pkr.hcl', TEMPLATE);
  const { code, stdout, stderr } = await convert('t.pkr.hcl');
  expect(stderr).toContain('Both templates make the same plan: 9 nodes with equal options and keys.');
  expect(code).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "# Converted by imgpipe from the Packer template t.pkr.hcl.
    # compress: Packer deletes the files that it works on; here they stay.
    # Variable token: it is sensitive, so no value of it is written; give it with IMGPIPE_VAR_token.
    # Decided now, with the values of now, as they are not used or do more than stand in a text: times.

    - name: site.file.page
      variables:
        greeting:
          type: string
          description: What the file says
          default: hello
        token:
          type: string
          sensitive: true
      outputFolder: false
      builder:
        type: file
        target: out/page.txt
      source:
        type: file
        untracked: steps on this host may change its file
        content: \${var.greeting} X $\${a.b} \${HOME}
      steps:
        # Says it.
        - type: packer-shell-local
          name: say-it
          pauseBefore: 1
          retries: 2
          environment_vars:
            - TOKEN=\${var.token}
          inline:
            - echo \${var.greeting} 2
          packer_build_name: page
          packer_builder_type: file
      cleanup:
        type: packer-shell-local
        name: clean-up
        inline:
          - "true"
        packer_build_name: page
        packer_builder_type: file
      exports:
        - type: file
          target: out/page.txt
          name: artifact
          chains:
            - - type: packer-checksum
                name: checksum
                output: out/sum
                packer_build_name: page
                packer_builder_type: file
              - type: packer-manifest
                name: manifest
                output: out/manifest.json
                packer_build_name: page
                packer_builder_type: file
            - # Packs it.
              - type: packer-compress
                name: compress
                keepInput: true
                output: out/page.tar.gz
                packer_build_name: page
                packer_builder_type: file
    - name: null.host
      outputFolder: false
      builder:
        type: "null"
        communicator: none
      source:
        type: machine
      steps:
        - type: packer-shell-local
          name: shell-local
          inline:
            - echo \${build.ID} \${build.User}
          packer_build_name: host
          packer_builder_type: "null"
      exports:
        - type: none
          name: artifact
    "
  `);
  expect(stderr).toContain('Packer deletes the files that it works on');
  expect(stderr).toContain('Decided now');
});

test('the value of a sensitive variable is nowhere', async () => {
  project.write('t.pkr.hcl', TEMPLATE);
  const { stdout, stderr } = await convert('-var', 'token=battery-staple', 't.pkr.hcl');
  expect(stdout + stderr).not.toMatch(/correct-horse|battery-staple/);
  expect(stderr).toContain('Variable token: it is sensitive');
});

test('values of the command line are no defaults, except where they decide more than a text', async () => {
  project.write('t.pkr.hcl', TEMPLATE);
  const { stdout } = await convert('-var', 'greeting=salve', '-var=times=7', '-only=site.*', 't.pkr.hcl');
  expect(stdout).toContain('default: hello');
  expect(stdout).not.toContain('salve');
  expect(stdout).toContain('- echo ${var.greeting} 7');
  expect(stdout).not.toContain('null.host');
});

test('an empty value stays a variable in a text, and is decided where it is a whole option', async () => {
  project.write(
    't.pkr.hcl',
    `variable "more" {
  type    = string
  default = ""
}
variable "level" {
  type    = string
  default = ""
}
source "file" "a" {
  content = "x\${var.more}"
  target  = "a.txt"
}
build {
  sources = ["file.a"]
  post-processor "shell-local" {
    inline            = ["true"]
    tempfile_extension = var.level
  }
}
`,
  );
  const { code, stdout, stderr } = await convert('t.pkr.hcl');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('content: x${var.more}');
  expect(stdout).not.toContain('tempfile_extension');
  expect(stderr).toContain(
    'Decided now, with the values of now, as they are not used or do more than stand in a text: level.',
  );
});

test('the legacy form, with variables made of others', async () => {
  project.write(
    't.json',
    JSON.stringify({
      variables: { release: '1.0', name: 'app-{{user `release`}}', stamp: '{{timestamp}}' },
      builders: [{ type: 'file', content: '{{user `name`}} {{user `stamp`}}', target: 'x.txt' }],
    }),
  );
  const { code, stdout, stderr } = await convert('t.json');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('content: ${var.name} ${var.stamp}');
  expect(stdout).toContain('default: app-1.0');
  expect(stderr).toContain('Both templates make the same plan: 2 nodes');
});

describe('what cannot be expressed is refused with its place', () => {
  const step = (inline: string): string => `variable "pw" {
  type      = string
  sensitive = true
  default   = "correct-horse"
}
source "null" "a" {
  communicator = "none"
}
build {
  sources = ["null.a"]
  provisioner "shell-local" {
    inline = [${inline}]
  }
}
`;
  test.each([
    ['a value of the moment', '"echo ${timestamp()}"', 'inline holds a value that differs in every run'],
    ['a changed fact', '"echo ${upper(build.ID)}"', 'inline is made of facts of the machine'],
    [
      'a changed secret',
      '"echo ${base64encode(var.pw)}"',
      'inline holds a secret that is not the plain value',
    ],
  ])('%s', async (_name, inline, message) => {
    project.write('t.pkr.hcl', step(inline));
    const { code, stdout, stderr } = await convert('-o', 'x.yaml', 't.pkr.hcl');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.toLowerCase().replaceAll('\n', ' ')).toContain(message);
    expect(stderr).toContain('Error: provisioner "shell-local"');
    expect(stderr).toContain('on t.pkr.hcl line 11, in build:');
    expect(existsSync(path.join(project.folder, 'x.yaml'))).toBe(false);
  });

  test('a builder without a counterpart', async () => {
    project.write('t.pkr.hcl', step('"true"').replaceAll('null', 'virtualbox-iso'));
    const { code, stderr } = await convert('t.pkr.hcl');
    expect(code).toBe(1);
    expect(stderr).toContain('virtualbox-iso');
  });
});

describe('the output file', () => {
  test('is not replaced without -force; host paths go from where they went', async () => {
    project.write('t.pkr.hcl', TEMPLATE).write('pipelines/x.yaml', 'mine');
    const kept = await convert('-o', 'pipelines/x.yaml', 't.pkr.hcl');
    expect(kept).toMatchObject({ code: 1, stderr: expect.stringContaining('-force') as string });
    expect(project.read('pipelines/x.yaml')).toBe('mine');
    const made = await convert('-force', '--output=pipelines/x.yaml', 't.pkr.hcl');
    expect(made.code, made.stderr).toBe(0);
    expect(project.read('pipelines/x.yaml')).toContain('directory: ..\n');
    expect(made.stdout).toBe('');
  });

  test('imgpipe convert takes the same options', async () => {
    project.write('t.pkr.hcl', TEMPLATE);
    const { code, stderr } = await project.run(['-only=site.*', '-o', 'x.yaml', 't.pkr.hcl'], {
      engine,
      command: 'imgpipe convert',
    });
    expect(code, stderr).toBe(0);
    expect(project.read('x.yaml')).toContain('name: site.file.page');
    const again = await project.run(['-o', 'x.yaml', 't.pkr.hcl'], { engine, command: 'imgpipe convert' });
    expect(again.code).toBe(2);
  });
});
