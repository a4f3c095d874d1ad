import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerDaemon, noDockerd } from '../../rigs/dockerd.ts';
import { startRegistry } from '../../rigs/registry.ts';
import { smallRoot } from '../../rigs/workspace.ts';

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const PACKER = '/usr/bin/packer';
const missing = [PACKER, '/usr/bin/docker-registry'].find((path) => !existsSync(path));
const reason = noDockerd ?? (missing === undefined ? undefined : `needs ${missing}`);

const FILES: Readonly<Record<string, string>> = {
  'one.sh': 'echo "one $PACKER_BUILD_NAME $PACKER_BUILDER_TYPE $WORD" >> /log\n',
  'two.sh': 'echo two >> /log\r\nls -l /site > /dev/null\r\n',
  'site/index.html': '<h1>x</h1>\n',
  'site/deep/page': 'y\n',
  'build.pkr.hcl': `
build {
  sources = ["source.docker.web"]
  provisioner "shell" { inline = ["mkdir /site", "echo begun > /log", "chmod 750 /site"] }
  provisioner "file" {
    source      = "site/"
    destination = "/site"
  }
  provisioner "file" {
    source      = "site"
    destination = "/whole"
  }
  provisioner "file" {
    source      = "site/index.html"
    destination = "/root/"
  }
  provisioner "shell" {
    scripts          = ["one.sh", "two.sh"]
    environment_vars = ["WORD=\${var.word}"]
  }
  provisioner "shell-local" { inline = ["echo made by \${build.ID != "" ? "a machine" : "nobody"} > local.txt"] }
  post-processors {
    post-processor "docker-tag" {
      repository = "\${var.registry}/app"
      tags       = ["1", "2"]
    }
    post-processor "docker-push" {}
    post-processor "docker-save" { path = "app.tar" }
  }
}
`,
  'variables.pkr.hcl': `
variable "word" { type = string }
variable "registry" { default = "" }
variable "people" {
  type    = map(string)
  default = { me = "made" }
}
locals {
  author = keys(var.people)[0]
  start  = ["/bin/sh", "-c"]
}
`,
  'words.auto.pkrvars.hcl': 'word = "overruled"\n',
  'web.pkrvars.hcl': 'word = "it\'s"\n',
  'source.pkr.hcl': `
source "docker" "web" {
  image   = "base:1"
  pull    = false
  commit  = true
  author  = local.author
  message = var.people[local.author]
  changes = ["USER web", "ENTRYPOINT \${jsonencode(local.start)}", "CMD [\\"cat /log\\"]"]
}
`,
  // Every option of provisioners that 1.6.6 knows and that leaves a trace.
  'exact.pkr.hcl': `
source "docker" "exact" {
  image       = "base:1"
  pull        = false
  export_path = "out/exact.tar"
}
build {
  sources = ["source.docker.exact"]
  provisioner "shell" {
    inline           = ["echo \\"$0|$A|$B|$PACKER_BUILD_NAME|$PACKER_BUILDER_TYPE\\" > /one"]
    environment_vars = ["A=it's \\"so\\" $HOME", "B=x y=z"]
    remote_path      = "/tmp/own.sh"
    skip_clean       = true
  }
  provisioner "shell" {
    inline          = ["#!/bin/sh", "echo \\"$0|$1|$V\\" > /two; ls -l $0 > /dev/null"]
    remote_folder   = "/var/tmp"
    remote_file     = "named.sh"
    environment_vars = ["V=v"]
    execute_command = "{{.Vars}} /bin/sh {{.Path}} '{{build_name}} {{build_type}}'"
  }
  provisioner "shell" {
    inline           = ["echo \\"$Z|$-\\" > /three", "exit 7"]
    inline_shebang   = "/bin/sh -eu"
    environment_vars = ["Z='quoted'"]
    use_env_var_file = true
    valid_exit_codes = [0, 7]
  }
  provisioner "shell" {
    inline           = ["echo \\"$K\\" > /four"]
    environment_vars = ["K=k"]
    env_var_format   = "%s=<%s> "
    execute_command  = "chmod +x {{.Path}}; env \\"{{.Vars}}\\" {{.Path}}"
  }
  provisioner "file" {
    source      = "site"
    destination = "/srv/"
  }
  provisioner "file" {
    source      = "site/"
    destination = "/new"
  }
  provisioner "file" {
    sources     = ["one.sh", "two.sh"]
    destination = "/root/"
  }
  provisioner "file" {
    source      = "/one"
    destination = "down/"
    direction   = "download"
  }
  provisioner "file" {
    source      = "/two"
    destination = "deep/er/named.txt"
    direction   = "download"
  }
  post-processor "docker-import" {
    repository = "exact"
    tag        = "1"
    changes    = ["CMD [\\"/bin/sh\\"]"]
  }
}
`,
  'tar.pkr.hcl': `
source "docker" "tar" {
  image       = "base:1"
  pull        = false
  export_path = "out/root.tar"
}
build {
  sources = ["source.docker.tar"]
  provisioner "shell" { inline = ["echo exported > /log"] }
  post-processor "docker-import" {
    repository = "imported"
    tag        = "1"
    changes    = ["CMD [\\"/bin/sh\\"]"]
  }
}
`,
};

describe.skipIf(reason !== undefined)(
  `images of docker templates beside Packer 1.6.6${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let daemon: DockerDaemon;
    let folder: string;
    let registry = '';

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'imgpipe-packer-docker-'));
      daemon = await DockerDaemon.start();
      mkdirSync(join(folder, 'tree'));
      execFileSync('sh', ['-ec', smallRoot()], { cwd: join(folder, 'tree') });
      execFileSync('tar', ['-C', join(folder, 'tree'), '-cf', join(folder, 'base.tar'), '.']);
      daemon.import(join(folder, 'base.tar'), 'base:1', 'CMD ["/bin/sh", "-l"]');
    }, 60_000);

    afterAll(async () => {
      await daemon[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    const project = (name: string): string => {
      for (const [file, text] of Object.entries(FILES)) {
        const path = join(folder, name, file);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      }
      return join(folder, name);
    };
    const imgpipe = [process.execPath, join(ROOT, 'bin', 'imgpipe-packer.mjs')];
    const build = (cwd: string, program: readonly string[], ...more: readonly string[]): string => {
      const [first = '', ...rest] = program;
      const args = [
        ...rest,
        'build',
        '-color=false',
        '-var-file=web.pkrvars.hcl',
        '-var',
        `registry=${registry}`,
        ...more,
        '.',
      ];
      const env = {
        ...process.env,
        ...daemon.env,
        CHECKPOINT_DISABLE: '1',
        XDG_CACHE_HOME: join(folder, 'cache'),
      };
      const { status, stdout, stderr } = spawnSync(first, args, { cwd, env, encoding: 'utf8' });
      expect(status, `${stdout}\n${stderr}`).toBe(0);
      return stdout;
    };
    /** What is in an image: paths with types, modes, owners and sums; and what it starts. */
    const contentOf = (image: string): { readonly files: string[]; readonly config: string } => {
      const container = daemon.docker('create', image);
      const unpacked = mkdtempSync(join(folder, 'unpacked-'));
      try {
        execFileSync('sh', ['-ec', 'docker export "$1" | tar -xpf - -C "$2"', 'sh', container, unpacked], {
          env: { ...daemon.env },
        });
        const list =
          'find . -printf "%y %m %U:%G %p %l\\n" | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2';
        const files = execFileSync('sh', ['-c', list], { cwd: unpacked, encoding: 'utf8' }).split('\n');
        const format =
          '{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{.Config.User}} {{.Author}} {{.Comment}}';
        return { files, config: daemon.docker('inspect', '--format', format, image) };
      } finally {
        daemon.docker('rm', container);
        rmSync(unpacked, { recursive: true, force: true });
      }
    };

    test('a template of several files gives the same image, tags and archive, pushed to a registry', async () => {
      registry = (await startRegistry()).host;
      const names = [`${registry}/app:1`, `${registry}/app:2`];
      const [theirs, ours] = [project('theirs'), project('ours')];
      const only = '-only=docker.web';
      const said = build(theirs, [PACKER], only);
      const expected = contentOf(`${registry}/app:2`);
      daemon.docker('rmi', '--force', ...names);

      const first = build(ours, imgpipe, only);
      const saved = (place: string): unknown =>
        JSON.parse(
          execFileSync('tar', ['-xOf', join(place, 'app.tar'), 'manifest.json'], { encoding: 'utf8' }),
        );
      for (const place of [theirs, ours])
        expect(saved(place)).toMatchObject([{ RepoTags: [`${registry}/app:2`] }]);
      expect(readFileSync(join(ours, 'local.txt'), 'utf8')).toBe(
        readFileSync(join(theirs, 'local.txt'), 'utf8'),
      );
      for (const line of [
        'docker.web: Provisioning with shell script: one.sh',
        'docker.web: Uploading site/ => /site',
        `docker.web (docker-tag): Repository: ${registry}/app:1`,
        'docker.web: Committing the container',
        `--> docker.web: Imported Docker image: ${registry}/app:2 with tags ${names.join(' ')}`,
      ]) {
        expect(said).toContain(line);
        expect(first).toContain(line);
      }
      const image = daemon.docker('inspect', '--format', '{{.Id}}', `${registry}/app:2`);

      const second = build(ours, imgpipe, only);
      expect(second).not.toMatch(/Provisioning with shell script|Uploading/);
      expect(daemon.docker('inspect', '--format', '{{.Id}}', `${registry}/app:2`)).toBe(image);

      // What is compared comes from the registry.
      daemon.docker('rmi', '--force', ...names);
      daemon.docker('pull', `${registry}/app:2`);
      expect(contentOf(`${registry}/app:2`)).toEqual(expected);
    }, 120_000);

    test('options of provisioners leave the same traces in the container and on the host', () => {
      const [theirs, ours] = [project('theirs-exact'), project('ours-exact')];
      build(theirs, [PACKER], '-only=docker.exact');
      const expected = contentOf('exact:1');
      daemon.docker('rmi', 'exact:1');
      build(ours, imgpipe, '-only=docker.exact');
      expect(contentOf('exact:1')).toEqual(expected);
      for (const file of ['down/one', 'deep/er/named.txt'])
        expect(readFileSync(join(ours, file), 'utf8')).toBe(readFileSync(join(theirs, file), 'utf8'));
    }, 120_000);

    test('an exported tar that is imported again', () => {
      const [theirs, ours] = [project('theirs-tar'), project('ours-tar')];
      build(theirs, [PACKER], '-only=docker.tar');
      const expected = contentOf('imported:1');
      daemon.docker('rmi', 'imported:1');
      build(ours, imgpipe, '-only=docker.tar');
      expect(contentOf('imported:1')).toEqual(expected);
    }, 60_000);
  },
);
