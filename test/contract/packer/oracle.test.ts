import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PackerProject } from '../../rigs/packer-command.ts';

/** Debian's Packer, beside which ours must say the same wherever both know a feature. */
const version = spawnSync('packer', ['version'], {
  encoding: 'utf8',
  env: { ...process.env, CHECKPOINT_DISABLE: '1' },
}).stdout;
const installed = typeof version === 'string' && version.startsWith('Packer v');

const FILES: Readonly<Record<string, string>> = {
  'null.pkr.hcl': 'source "null" "a" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.a"]\n}\n',
  'unknown-option.pkr.hcl':
    'source "null" "a" {\n  communicator = "none"\n  nope = 1\n}\nbuild {\n  sources = ["null.a"]\n}\n',
  'many.pkr.hcl': `variable "x" {
  default = "y"
}
variable "s" {
  default   = "hush-hush"
  sensitive = true
}
locals {
  list = [for i in ["a", "b"] : upper(i)]
  map  = { k = "v", s = var.s }
}
source "null" "a" {
  communicator = "none"
}
source "file" "f" {
  content = var.x
  target  = "out"
}
build {
  name        = "b"
  description = "A description."
  sources     = ["null.a", "source.file.f"]
  provisioner "shell-local" {
    name   = "n"
    inline = ["echo \${var.x}"]
  }
  provisioner "breakpoint" {
    disable = true
  }
  post-processor "checksum" {}
  post-processors {
    post-processor "compress" {
      output = "x.gz"
    }
    post-processor "manifest" {}
  }
}
build {
  sources = ["null.a"]
}
`,
  'cycle.pkr.hcl': 'locals {\n  a = local.b\n  b = local.a\n}\nbuild {}\n',
  'shell.pkr.hcl':
    'source "null" "a" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.a"]\n  provisioner "shell" {}\n}\n',
  'target.pkr.hcl': 'source "file" "a" {}\nbuild {\n  sources = ["file.a"]\n}\n',
  'unset.pkr.hcl':
    'variable "x" {}\nsource "null" "a" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.a"]\n}\n',
  'null.json': '{"builders": [{"type": "null", "communicator": "none"}]}',
  'many.json':
    '{"description": "D", "variables": {"a": "1", "long_name": "{{user `a`}}2"}, "builders": [{"type": "null", "communicator": "none"}, {"type": "file", "name": "f", "target": "t", "content": "{{user `long_name`}}"}], "provisioners": [{"type": "shell", "inline": "a"}, {"type": "shell-local", "inline": ["b"], "only": ["f"]}], "post-processors": ["manifest", [{"type": "compress"}, "checksum"]]}',
  'unknown-key.json': '{"builders": [{"type": "file", "target": "x", "content": "c", "nope": 1}]}',
  'only.json':
    '{"builders": [{"type": "null"}], "provisioners": [{"type": "shell", "inline": ["x"], "only": ["gone"]}]}',
  'syntax.json': '{"builders": [{"type": "null",}]}',
  'duplicate.json': '{"builders": [{"type": "null"}], "builders": []}',
  'root.json': '{"builders": [{"type": "null"}], "nope": 1, "_comment": "fine"}',
  'function.json': '{"builders": [{"type": "null", "communicator": "{{nope}}"}]}',
  'old.json':
    '{"builders": [{"type": "virtualbox", "iso_md5": "a", "guest_additions_attach": true, "ssh_wait_timeout": "5m", "z": 1e21, "t": "<&>"}, {"type": "qemu", "disk_size": 5, "ssh_key_path": "k"}], "provisioners": [{"type": "shell", "override": {"virtualbox": {"x": 1}}}], "post-processors": ["x", {"type": "vagrant", "aws": {"a": 1}}, [{"type": "docker-tag", "tag": "a, b"}]]}',
  'ugly.pkr.hcl':
    'locals{\na=1\n  bb   =   [1,2]\n}\nvariable "x" {\ntype=string // c\n default = "y"   # d\n}\n',
};

/** A template without build was valid for 1.6.6; later ones miss a build block. */
const VALIDATED = Object.keys(FILES).filter((file) => file !== 'ugly.pkr.hcl');

const COMMANDS: readonly (readonly string[])[] = [
  ...VALIDATED.map((file) => ['validate', file]),
  ...Object.keys(FILES).map((file) => ['validate', '-syntax-only', file]),
];

/** Compared byte by byte. */
const EXACT: readonly (readonly string[])[] = [
  ['inspect', 'many.pkr.hcl'],
  ['inspect', 'null.pkr.hcl'],
  ['inspect', 'many.json'],
  ['inspect', 'null.json'],
  ['fix', '-validate=false', 'old.json'],
  ['fix', 'null.json'],
  ['fmt', '-check', 'ugly.pkr.hcl'],
  ['fmt', '-check', '-diff', 'ugly.pkr.hcl'],
  ['fmt', '-check', 'null.pkr.hcl'],
];

const CONSOLE: readonly (readonly [readonly string[], string])[] = [
  // One line: 1.6.6 prints the result of each, later ones only that of the last.
  [['console', 'many.pkr.hcl'], 'local.list\n'],
  [['console', 'many.json'], '{{user `long_name`}} {{upper `x`}}\n'],
];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
}

const GOLDEN_FILE = fileURLToPath(new URL('../../golden/packer-1.6.6.json', import.meta.url));
/** What Packer 1.6.6 gave, by command line. `UPDATE_PACKER_GOLDEN=1` writes it anew, where Packer is installed. */
const golden = existsSync(GOLDEN_FILE)
  ? (JSON.parse(readFileSync(GOLDEN_FILE, 'utf8')) as Readonly<Record<string, Ended>>)
  : {};
const recorded: Record<string, Ended> = {};

let project: PackerProject;
beforeAll(() => {
  project = new PackerProject();
  for (const [name, text] of Object.entries(FILES)) project.write(name, text);
});
afterAll(() => {
  project[Symbol.dispose]();
  if (process.env['UPDATE_PACKER_GOLDEN'] !== undefined && installed) {
    writeFileSync(GOLDEN_FILE, `${JSON.stringify(recorded, null, 2)}\n`);
  }
});

function packer(args: readonly string[], stdin = ''): Ended {
  const ran = spawnSync('packer', args, {
    cwd: project.folder,
    encoding: 'utf8',
    input: stdin,
    env: { ...process.env, CHECKPOINT_DISABLE: '1' },
  });
  return { code: ran.status, stdout: ran.stdout };
}

/** What Packer gives: asked where it is installed, else as recorded. */
function theirs(args: readonly string[], stdin = '', codeOnly = false): Ended {
  const key = args.join(' ');
  if (!installed) return golden[key] ?? { code: null, stdout: '(not recorded)' };
  const ended = packer(args, stdin);
  recorded[key] = codeOnly ? { code: ended.code, stdout: '' } : ended;
  return ended;
}

const present = (words: readonly (string | undefined)[]): string[] =>
  words.filter((word) => word !== undefined);

describe('as Packer 1.6.6, installed or as recorded', () => {
  test.each(COMMANDS)('exit code of %s %s %s', { timeout: 60_000 }, async (...args: string[]) => {
    const words = present(args);
    expect((await project.run(words)).code).toBe(theirs(words, '', true).code);
  });

  test.each(EXACT)('output of %s %s %s', { timeout: 60_000 }, async (...args: string[]) => {
    const words = present(args);
    const { code, stdout } = await project.run(words);
    expect({ code, stdout }).toEqual(theirs(words));
  });

  test.each(CONSOLE)('output of %j with %j', { timeout: 60_000 }, async (words, stdin) => {
    const { code, stdout } = await project.run(words, { stdin });
    expect({ code, stdout }).toEqual(theirs(words, stdin));
  });
});
