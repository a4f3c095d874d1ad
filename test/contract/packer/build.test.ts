import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { PackerProject } from '../../rigs/packer-command.ts';

const version = spawnSync('packer', ['version'], {
  encoding: 'utf8',
  env: { ...process.env, CHECKPOINT_DISABLE: '1' },
}).stdout;
const installed = typeof version === 'string' && version.startsWith('Packer v');

const before = process.env['XDG_CACHE_HOME'];
const cache = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-cache-'));
beforeAll(() => {
  process.env['XDG_CACHE_HOME'] = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  rmSync(cache, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string>>;

function projectOf(files: Files): PackerProject {
  const project = new PackerProject();
  for (const [name, content] of Object.entries(files)) project.write(name, content);
  return project;
}

const build = async (project: PackerProject, ...args: readonly string[]) =>
  await project.run(['build', '-color=false', ...args], { engine });

/** What brings the file `$1` to standard output as it was, by the ending of its name. */
const UNPACK: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    gz: 'gzip -dc <"$1"',
    bgzf: 'gzip -dc <"$1"',
    lz4: 'lz4 -dc <"$1"',
    xz: 'xz -dc <"$1"',
    bzip2: 'bzip2 -dc <"$1"',
    tar: 'cat "$1"',
  }).flatMap(([ending, command]) => [
    [`.${ending}`, command],
    [`.tar.${ending}`, command],
  ]),
);

/** Files of a folder by their names; archives as what is in them, and without what differs from run to run. */
function treeOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted();
  return Object.fromEntries(names.map((name) => [name, contentOf(path.join(folder, name))]));
}

function contentOf(file: string, as = file): string {
  const list = (script: string): string =>
    execFileSync('sh', ['-ec', script, 'sh', file], { encoding: 'latin1' });
  const [ending = ''] = /(?:\.tar)?\.[a-z0-9]+$/.exec(as) ?? [];
  const plain = UNPACK[ending];
  if (plain !== undefined) {
    const entries = 'tar tv --full-time -f "$2"; tar xOf "$2"';
    return list(
      `t=$(mktemp); set -- "$1" "$t"; ${plain} >"$t"; ${ending.startsWith('.tar') ? entries : 'cat "$t"'}; rm "$t"`,
    );
  }
  if (ending === '.zip') return list('unzip -Z1 "$1"; unzip -p "$1"');
  return readFileSync(file, 'latin1')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/"build_time": \d+/g, '"build_time": T');
}

/** A site's settings for two places, each packed and summed. */
const SITE: Files = {
  'variables.pkr.hcl': `variable "domain" {
  type = string
}
variable "limits" {
  type = object({ workers = number, memory = string })
  default = { workers = 2, memory = "256M" }
}
variable "places" {
  type    = map(string)
  default = { east = "10.0.0.1", west = "10.0.1.1" }
  validation {
    condition     = length(var.places) > 0
    error_message = "There must be a place."
  }
}
`,
  'site.auto.pkrvars.hcl': 'domain = "example.org"\nlimits = { workers = 8, memory = "1G" }\n',
  'locals.pkr.hcl': `locals {
  hosts = [for place, address in var.places : "\${place}.\${var.domain}"]
  conf  = replace(replace(file("\${path.root}/site.conf.tpl"), "@workers@", var.limits.workers), "@hosts@", join(";\\n", local.hosts))
}
`,
  'site.conf.tpl': 'workers @workers@;\nservers {\n@hosts@;\n}\n',
  'build.pkr.hcl': `source "file" "conf" {
  content = local.conf
  target  = "out/site.conf"
}
source "file" "notes" {
  source = "notes.txt"
  target = "out/notes.txt"
}
build {
  name    = "site"
  sources = ["source.file.conf", "source.file.notes"]
  post-processor "checksum" {
    checksum_types = ["sha256", "md5"]
    output         = "out/{{.BuildName}}.{{.ChecksumType}}"
  }
  post-processor "compress" {
    output              = "out/\${source.name}.tar.gz"
    keep_input_artifact = true
  }
  post-processors {
    post-processor "shell-local" {
      inline = ["true"]
    }
    post-processor "manifest" {
      output      = "out/manifest.json"
      custom_data = { domain = var.domain, source = source.name }
      strip_time  = true
      strip_path  = true
    }
  }
}
`,
  'notes.txt': 'Made by hand.\n',
};

/** The legacy form: variables of variables, a file of values, scripts, and chains. */
const LEGACY: Files = {
  'template.json': JSON.stringify({
    variables: { release: '1.0', name: 'app-{{user `release`}}', greeting: null },
    'sensitive-variables': ['greeting'],
    builders: [
      {
        type: 'file',
        name: 'bundle',
        content: '{{user `greeting`}} from {{user `name`}} {{build_type}}\n',
        target: 'bundle.txt',
      },
      { type: 'null', name: 'check', communicator: 'none' },
    ],
    provisioners: [
      {
        type: 'shell-local',
        only: ['check'],
        scripts: ['one.sh', 'two.sh'],
        environment_vars: ["WHO=it's me"],
        execute_command: ['/bin/sh', '-c', '{{.Vars}} sh {{.Script}}'],
      },
      { type: 'shell-local', only: ['check'], inline: ['exit 9'], valid_exit_codes: [0, 9] },
      {
        type: 'shell-local',
        except: ['check'],
        inline: ['echo {{build_name}} >> log.txt'],
        override: { bundle: { inline: ['echo over >> log.txt'] } },
      },
    ],
    'post-processors': [
      [
        {
          type: 'shell-local',
          only: ['bundle'],
          inline: ['cp bundle.txt made-1.out', 'cp bundle.txt made-2.out'],
        },
        { type: 'artifice', only: ['bundle'], files: ['made-*.out'] },
        { type: 'compress', only: ['bundle'], output: 'made.tar.gz' },
      ],
      { type: 'manifest', output: 'manifest.json' },
    ],
  }),
  'values.json': '{"greeting": "hello there", "release": "2.1"}',
  'one.sh': 'echo "$PACKER_BUILD_NAME $PACKER_BUILDER_TYPE $WHO" > one.txt\n',
  'two.sh': 'cat one.txt one.txt > two.txt\n',
};

/** Dynamic blocks, sources with changes of one build, and post-processors that only some builds have. */
const LAYERS: Files = {
  'layers.pkr.hcl': `variable "layers" {
  type    = list(string)
  default = ["base", "tools"]
}
locals {
  names = { for layer in var.layers : layer => upper(layer) }
}
source "file" "layer" {
}
source "null" "host" {
  communicator = "none"
}
build {
  name = "layers"
  dynamic "source" {
    for_each = local.names
    labels   = ["file.layer"]
    content {
      name    = source.key
      target  = "layers/\${source.key}.txt"
      content = "\${source.value}\\n"
    }
  }
  post-processor "compress" {
    only   = ["file.tools"]
    output = "layers/tools.gz"
  }
}
build {
  sources = ["source.null.host"]
  provisioner "shell-local" {
    inline      = ["echo \${build.ID} \${source.type} > host.txt", "false"]
    max_retries = 1
    valid_exit_codes = [0, 1]
  }
  post-processor "shell-local" {
    inline = ["echo after \${build.ID} >> host.txt"]
  }
}
`,
};

const compress = (output: string, more = ''): string => `
  post-processor "compress" {
    output              = "out/${output}"
    keep_input_artifact = true
    ${more}
  }`;

/** As Packer writes it. */
const EARLIER_MANIFEST = `{
  "builds": [
    {
      "name": "earlier",
      "builder_type": "file",
      "build_time": 1600000000,
      "files": null,
      "artifact_id": "File",
      "packer_run_uuid": "other",
      "custom_data": null
    }
  ],
  "last_run_uuid": "other"
}`;

/** Every format of archives that 1.6.6 knows, every checksum, and what a manifest may hold. */
const FORMATS: Files = {
  'formats.pkr.hcl': `source "file" "words" {
  content = join("", [for i in range(1000) : "word \${i}\\n"])
  target  = "words.txt"
}
source "null" "none" {
  communicator = "none"
}
build {
  sources = ["file.words"]
  ${[...['a.gz', 'a.lz4', 'a.bgzf', 'a.zip', 'a.tar'], ...['b.tar.gz', 'b.tar.lz4', 'b.tar.bgzf', 'b.x.tar']]
    .map((name) => compress(name))
    .join('')}
  ${compress('{{.BuildName}}-{{.BuilderType}}.tar.gz', 'compression_level = 9')}
  ${compress('low.gz', 'compression_level = 1')}
  ${compress('high.gz', 'compression_level = 12')}
  ${compress('default.gz', 'compression_level = -1')}
  post-processor "checksum" {
    checksum_types = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
    output         = "out/{{.BuildName}}.{{.BuilderType}}.{{.ChecksumType}}"
  }
  post-processor "checksum" {
    checksum_types = ["sha1", "md5"]
    output         = "out/all.sums"
  }
  post-processor "checksum" {}
  post-processors {
    post-processor "artifice" {
      files = ["part-*.in", "formats.pkr.hcl"]
    }
    post-processor "checksum" {
      output = "out/parts.md5"
    }
    post-processor "compress" {
      output              = "out/parts.zip"
      keep_input_artifact = true
    }
  }
  post-processor "manifest" {
    output      = "out/\${source.name}.json"
    custom_data = {
      zone = "a<b>&c"
      name = "{{build_name}} \${source.type}"
      quote = "it's \\"so\\" \u00e9"
    }
  }
  post-processor "manifest" {
    output     = "kept.json"
    strip_path = true
    strip_time = true
  }
}
build {
  sources = ["null.none"]
  post-processor "manifest" {
    output     = "none.json"
    strip_time = true
  }
}
`,
  'part-1.in': 'one\n',
  'part-2.in': 'two\n',
  'kept.json': EARLIER_MANIFEST,
};

const TEMPLATES: readonly (readonly [name: string, files: Files, args: readonly string[]])[] = [
  ['settings of a site', SITE, ['-parallel-builds=1', '.']],
  [
    'the legacy form',
    LEGACY,
    ['-parallel-builds=1', '-var-file=values.json', '-var', 'release=3', 'template.json'],
  ],
  ['all formats', FORMATS, ['-parallel-builds=1', '.']],
  [
    'a manifest that is begun anew',
    { ...LEGACY, 'manifest.json': EARLIER_MANIFEST },
    ['-parallel-builds=1', '-force', '-var-file=values.json', 'template.json'],
  ],
  ['layers', LAYERS, ['-parallel-builds=1', '.']],
];

describe('the same artifacts as Packer', () => {
  test.runIf(installed).each(TEMPLATES)('%s', async (_name, files, args) => {
    using theirs = projectOf(files);
    const packer = spawnSync('packer', ['build', '-color=false', ...args], {
      cwd: theirs.folder,
      encoding: 'utf8',
      env: { ...process.env, CHECKPOINT_DISABLE: '1' },
    });
    using ours = projectOf(files);
    const { code, stdout } = await build(ours, ...args);
    expect(packer.status, packer.stdout).toBe(0);
    expect(code, stdout).toBe(0);
    expect(treeOf(ours.folder)).toEqual(treeOf(theirs.folder));
  });
});

test('formats that Packer 1.6.6 does not know; levels over 9 count as 9', async () => {
  using project = template({
    builders: [{ type: 'file', content: 'words\n', target: 'a.txt' }],
    'post-processors': ['a.xz', 'a.bzip2', 'b.tar.xz', 'c'].map((output) => [
      { type: 'compress', output, compression_level: 12, keep_input_artifact: true },
    ]),
  });
  const { code, stdout } = await build(project, 't.json');
  expect(code, stdout).toBe(0);
  const tree = treeOf(project.folder);
  expect(tree).toMatchObject({ 'a.xz': 'words\n', 'a.bzip2': 'words\n' });
  expect(tree['b.tar.xz']).toMatch(/1970-01-01 00:00:00 a\.txt\nwords\n$/);
  expect(contentOf(path.join(project.folder, 'c'), '.tar.gz')).toMatch(/ a\.txt\nwords\n$/);
  using low = template({
    builders: [{ type: 'file', content: 'words\n', target: 'a.txt' }],
    'post-processors': [{ type: 'compress', output: 'a.gz', compression_level: -2 }],
  });
  const failed = await build(low, 't.json');
  expect(failed.code).toBe(1);
  expect(failed.stdout).toContain('Invalid compression level. Expected an integer from -1 to 9.');
});

/** `-force` is of one run, so no template can hold it. */
const CONVERTED = TEMPLATES.filter(([, , args]) => !args.includes('-force'));

describe('converted templates make the same files', () => {
  test.each(CONVERTED)('%s', async (_name, files, args) => {
    using theirs = projectOf(files);
    const first = await build(theirs, ...args);
    expect(first.code, first.stdout).toBe(0);
    using ours = projectOf(files);
    const converted = await ours.run(['convert', '-o', 'pipelines/all.yaml', ...args.slice(1)], { engine });
    expect(converted.code, converted.stderr).toBe(0);
    expect(converted.stderr).toContain('Both templates make the same plan: ');
    const { code, stderr } = await ours.run(['--ui=plain', '--parallel-builds=1', '--no-cache'], {
      engine,
      command: 'imgpipe build',
      env: { IMGPIPE_VAR_greeting: 'hello there' },
    });
    expect(code, stderr).toBe(0);
    const made = treeOf(ours.folder);
    const wanted = treeOf(theirs.folder);
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, made[name]]))).toEqual(wanted);
  });
});

test('a second build writes none of many formats again, and adds to manifests only', async () => {
  using project = projectOf(FORMATS);
  const times = (): Record<string, number> =>
    Object.fromEntries(
      Object.keys(treeOf(project.folder)).map((name) => [
        name,
        statSync(path.join(project.folder, name)).mtimeMs,
      ]),
    );
  expect((await build(project, '.')).code).toBe(0);
  const first = times();
  const again = await build(project, '.');
  expect(again.code, again.stdout).toBe(0);
  const second = times();
  const changed = Object.keys(second).filter((name) => second[name] !== first[name]);
  expect(changed).toEqual(['kept.json', 'none.json', 'out/words.json']);
});

test('a second build of the same template writes no artifact again', async () => {
  using project = projectOf(SITE);
  const begun = await build(project, '.');
  expect(begun.code, begun.stdout).toBe(0);
  const times = (): number[] =>
    ['site.conf', 'notes.txt', 'conf.tar.gz', 'conf.sha256'].map(
      (name) => statSync(path.join(project.folder, 'out', name)).mtimeMs,
    );
  const first = times();
  const { code, stdout } = await build(project, '.');
  expect(code).toBe(0);
  expect(times()).toEqual(first);
  expect(stdout).toContain('==> site.file.conf: cached: artifact.compress');
  expect(stdout).toContain('--> site.file.conf: Stored file: out/site.conf');
});

test('the file of the builder file is what the template says, whatever was there, also from the cache', async () => {
  using project = new PackerProject();
  const mode = (): number => statSync(path.join(project.folder, 'q')).mode & 0o777;
  for (const content of ['one', 'two', 'one', 'two']) {
    project.write('t.json', JSON.stringify({ builders: [{ type: 'file', content, target: 'q' }] }));
    expect((await build(project, 't.json')).code).toBe(0);
    expect(project.read('q')).toBe(content);
    expect(mode()).toBe(0o600);
  }
  project.write('q', 'changed by hand, and longer');
  expect((await build(project, 't.json')).code).toBe(0);
  expect(project.read('q')).toBe('two');
  rmSync(path.join(project.folder, 'q'));
  mkdirSync(path.join(project.folder, 'q'));
  const refused = await build(project, 't.json');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('is a directory');
});

test('steps of this host may change the file, in every build', async () => {
  using project = template({
    builders: [{ type: 'file', content: 'one\n', target: 'q' }],
    provisioners: [shell('echo more >> q')],
  });
  for (let run = 0; run < 2; run += 1) {
    expect((await build(project, 't.json')).code).toBe(0);
    expect(project.read('q')).toBe('one\nmore\n');
  }
});

const shell = (...inline: readonly string[]) => ({ type: 'shell-local', inline });
const NULL = { type: 'null', communicator: 'none' };
const template = (content: object): PackerProject =>
  new PackerProject().write('t.json', JSON.stringify(content));

describe('a build that fails', () => {
  test('says so in the words of Packer, and runs the clean-up step', async () => {
    using project = template({
      builders: [NULL],
      provisioners: [{ ...shell('echo x >> tries', 'exit 7'), max_retries: 2 }],
      'error-cleanup-provisioner': shell('echo done > cleaned'),
    });
    const { code, stdout } = await build(project, 't.json');
    expect(code).toBe(1);
    expect(project.read('tries')).toBe('x\nx\nx\n');
    expect(project.read('cleaned')).toBe('done\n');
    const error = 'Script exited with non-zero exit status: 7. Allowed exit codes are: [0]';
    expect(stdout).toContain(`==> null: Provisioner failed with "${error}", retrying with 2 trie(s) left\n`);
    expect(stdout).toContain(
      '==> null: retry limit reached.\n==> null: Provisioning step had errors: Running',
    );
    expect(stdout).toMatch(
      new RegExp(`Build 'null' errored after [^:]+: ${error.replaceAll(/[[\].]/g, '\\$&')}\n`),
    );
    expect(stdout).toContain("==> Some builds didn't complete successfully and had errors:\n--> null: ");
    expect(stdout).toContain('==> Builds finished but no artifacts were created.');
  });

  test('-on-error=abort leaves the clean-up step out', async () => {
    using project = template({
      builders: [NULL],
      provisioners: [shell('exit 2')],
      'error-cleanup-provisioner': shell('echo done > cleaned'),
    });
    expect((await build(project, '-on-error=abort', 't.json')).code).toBe(1);
    expect(() => project.read('cleaned')).toThrow();
  });

  test('does not stop the others', async () => {
    using project = template({
      builders: [
        { ...NULL, name: 'bad' },
        { type: 'file', name: 'good', content: 'x', target: 'good.txt' },
      ],
      provisioners: [{ ...shell('exit 1'), only: ['bad'] }],
    });
    const { code, stdout } = await build(project, 't.json');
    expect(code).toBe(1);
    expect(project.read('good.txt')).toBe('x');
    expect(stdout).toContain('--> file.good: Stored file: good.txt');
  });

  test('a chain of post-processors goes on when another has failed', async () => {
    using project = template({
      builders: [{ type: 'file', content: 'x', target: 'a.txt' }],
      'post-processors': [[shell('exit 3'), shell('touch never')], shell('touch second')],
    });
    const { code, stdout } = await build(project, 't.json');
    expect(code).toBe(1);
    expect(readdirSync(project.folder)).toContain('second');
    expect(readdirSync(project.folder)).not.toContain('never');
    expect(stdout).toContain('1 error(s) occurred:\n\n* Post-processor failed: Script exited');
  });

  test('a kind that is not there fails its build alone', async () => {
    using project = template({
      builders: [
        { type: 'file', name: 'good', content: 'x', target: 'good.txt' },
        { type: 'nowhere', name: 'bad' },
      ],
    });
    expect((await build(project, 't.json')).code).toBe(1);
    expect(project.read('good.txt')).toBe('x');
  });
});

test('the input of a post-processor goes unless somebody keeps it', async () => {
  using project = template({
    builders: [{ type: 'file', content: 'x', target: 'a.txt' }],
    'post-processors': [
      [
        { type: 'compress', output: 'a.gz' },
        { type: 'checksum', keep_input_artifact: false },
      ],
    ],
  });
  expect((await build(project, 't.json')).code).toBe(0);
  expect(readdirSync(project.folder).toSorted()).toEqual(['a.gz', 'packer_file_file_md5.checksum', 't.json']);
});

test('secrets are hidden, also when they are encoded or stand on several lines', async () => {
  using project = new PackerProject().write(
    's.pkr.hcl',
    `variable "s" {
  sensitive = true
  default   = "first-secret\\nsecond-secret"
}
source "null" "a" {
  communicator = "none"
}
build {
  sources = ["null.a"]
  provisioner "shell-local" {
    inline = ["printf '%s\\\\n' '\${var.s}'", "printf %s '\${base64encode("first-secret")}'", "echo end"]
  }
}
`,
  );
  const { code, stdout } = await build(project, 's.pkr.hcl');
  expect(code).toBe(0);
  expect(stdout).toContain('==> null.a: <sensitive>');
  expect(stdout).toContain('end');
  expect(stdout).not.toContain('first-secret');
  expect(stdout).not.toContain('second-secret');
  expect(stdout).not.toContain(Buffer.from('first-secret').toString('base64').replace(/=+$/, ''));
});

test('lines for machines name artifacts, files and errors', async () => {
  using project = template({
    builders: [
      { type: 'file', name: 'a', content: 'x', target: 'a,b.txt' },
      { ...NULL, name: 'bad' },
    ],
    provisioners: [{ ...shell('exit 4'), only: ['bad'] }],
  });
  const { code, stdout } = await project.run(['build', '-machine-readable', 't.json'], { engine });
  expect(code).toBe(1);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\d+,/, ''));
  expect(lines).toContain('file.a,artifact,0,builder-id,packer.file');
  expect(lines).toContain('file.a,artifact,0,file,0,a%!(PACKER_COMMA)b.txt');
  expect(lines).toContain(',error-count,1');
  expect(
    lines.some((line) => line.startsWith('null.bad,error,Script exited with non-zero exit status: 4')),
  ).toBe(true);
  expect(lines.every((line) => /^[^,]*,(?:ui|artifact|artifact-count|error|error-count),/.test(line))).toBe(
    true,
  );
});

test('a value of the moment in a step is said, and the step runs in every build', async () => {
  using project = new PackerProject().write(
    't.pkr.hcl',
    `source "file" "a" {
  content = "x"
  target  = "a.txt"
}
build {
  sources = ["file.a"]
  provisioner "shell" {
    environment_vars = ["AT=\${timestamp()}"]
    inline           = ["true"]
  }
}
`,
  );
  for (let run = 0; run < 2; run += 1) {
    const { stdout } = await build(project, '.');
    expect(stdout).toMatch(/==> file\.a: not cached: shell: environment_vars .* differs in every run/);
    expect(stdout).toContain('Provisioning with shell script');
  }
});

test('an interrupted build ends cleanly', async () => {
  using project = template({ builders: [NULL], provisioners: [shell('touch begun', 'exec sleep 60')] });
  const abort = new AbortController();
  const running = project.run(['build', '-color=false', 't.json'], { engine, signal: abort.signal });
  await expect.poll(() => readdirSync(project.folder)).toContain('begun');
  abort.abort();
  const { code, stdout } = await running;
  expect(code).toBe(1);
  expect(stdout).toContain('Cancelling build after receiving interrupt\n');
  expect(stdout).toContain('Cleanly cancelled builds after being interrupted.\n');
});

test('imgpipe build takes a template of Packer by its name', async () => {
  using project = new PackerProject().write(
    't.pkr.hcl',
    'variable "x" {}\nsource "file" "a" {\n  content = var.x\n  target  = "a.txt"\n}\nbuild {\n  sources = ["file.a"]\n}\n',
  );
  const { code, stdout } = await project.run(['-var', 'x=y', 't.pkr.hcl'], {
    engine,
    command: 'imgpipe build',
  });
  expect(code).toBe(0);
  expect(stdout).toContain('--> file.a: Stored file: a.txt');
  expect(project.read('a.txt')).toBe('y');
});

test('PACKER_CACHE_DIR: the cache is a folder in it', async () => {
  using project = new PackerProject().write(
    't.pkr.hcl',
    'source "file" "a" {\n  content = "x"\n  target  = "a.txt"\n}\nbuild {\n  sources = ["file.a"]\n}\n',
  );
  const env = { PACKER_CACHE_DIR: 'kept' };
  expect(await project.run(['build', 't.pkr.hcl'], { engine, env })).toMatchObject({ code: 0 });
  expect(readdirSync(path.join(project.folder, 'kept'))).toEqual(['imgpipe']);
  const again = await project.run(['build', '-color=false', 't.pkr.hcl'], { engine, env });
  expect(again.stdout).toContain('--> file.a: Stored file: a.txt');
});
