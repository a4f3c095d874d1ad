import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { DockerDaemon, noDockerd } from '../../rigs/dockerd.ts';
import { PackerProject } from '../../rigs/packer-command.ts';
import { smallRoot } from '../../rigs/workspace.ts';

const TEMPLATE = `variable "greeting" {
  default = "hello"
}
source "docker" "web" {
  image       = "base:1"
  pull        = false
  export_path = "web.tar"
  run_command = ["-d", "-i", "-t", "--network=none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]
}
build {
  sources = ["docker.web"]
  provisioner "file" {
    source      = "page.txt"
    destination = "/tmp/page.txt"
  }
  provisioner "shell" {
    scripts = ["one.sh", "two.sh"]
  }
  provisioner "shell-local" {
    inline = ["echo \${build.ID} >> ids.txt"]
  }
  provisioner "shell" {
    inline           = ["echo $WHO > /last"]
    environment_vars = ["WHO=\${var.greeting}"]
  }
  post-processor "checksum" {
    output = "web.md5"
  }
}
`;

const without = noDockerd === undefined ? '' : ` (skipped: ${noDockerd})`;

describe.skipIf(noDockerd !== undefined)(`packer build of a docker template${without}`, () => {
  let daemon: DockerDaemon;
  const cache = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-cache-'));
  const before: Record<string, string | undefined> = {};

  beforeAll(async () => {
    daemon = await DockerDaemon.start();
    for (const [name, value] of Object.entries({ ...daemon.env, XDG_CACHE_HOME: cache })) {
      before[name] = process.env[name];
      process.env[name] = value;
    }
    const tree = path.join(cache, 'tree');
    mkdirSync(tree);
    execFileSync('sh', ['-ec', smallRoot()], { cwd: tree });
    execFileSync('tar', ['-C', tree, '-cf', path.join(cache, 'base.tar'), '.']);
    daemon.import(path.join(cache, 'base.tar'), 'base:1', 'CMD ["/bin/sh"]');
  }, 60_000);

  afterAll(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await daemon[Symbol.asyncDispose]();
    rmSync(cache, { recursive: true, force: true });
  });

  test('only what changed runs again, and the archive holds it all', async () => {
    using project = new PackerProject()
      .write('web.pkr.hcl', TEMPLATE)
      .write('page.txt', 'a page\n')
      .write('one.sh', 'echo one > /one\n')
      .write('two.sh', 'cat /one /tmp/page.txt > /two\n');
    const build = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout } = await project.run(['build', '-color=false', ...args, '.'], { engine });
      expect(code, stdout).toBe(0);
      return stdout;
    };
    const inArchive = (file: string): string =>
      execFileSync('tar', ['-xOf', path.join(project.folder, 'web.tar'), file], { encoding: 'utf8' });

    const first = await build();
    expect(first).not.toContain('cached:');
    expect(inArchive('two')).toBe('one\na page\n');
    expect(inArchive('last')).toBe('hello\n');
    const sum = project.read('web.md5');

    const second = await build();
    expect(second).toContain('==> docker.web: cached: shell.one');
    expect(second).toContain('==> docker.web: cached: shell-2');
    expect(second).not.toContain('Provisioning with shell script');
    // Nothing is written anew; the script of this host has run, and knew its container.
    expect(project.read('web.md5')).toBe(sum);
    expect(project.read('ids.txt')).toMatch(/^[0-9a-f]{64}\n[0-9a-f]{64}\n$/);

    project.write('two.sh', 'echo changed > /two\n');
    const third = await build();
    expect(third).toContain('==> docker.web: cached: shell.one');
    expect(third).toContain('Provisioning with shell script: two.sh');
    expect(third).not.toContain('Provisioning with shell script: one.sh');
    expect(inArchive('two')).toBe('changed\n');
    expect(inArchive('last')).toBe('hello\n');

    const fourth = await build('-var', 'greeting=good bye');
    expect(fourth).toContain('==> docker.web: cached: shell.two');
    expect(fourth).not.toContain('cached: shell-2');
    expect(inArchive('last')).toBe('good bye\n');

    const fifth = await build('-no-cache');
    expect(fifth).not.toContain('cached:');
    expect(daemon.docker('ps', '-aq')).toBe('');
  });

  test('bills of materials come out of the container: made of its list of packages, and one that it has', async () => {
    using project = new PackerProject().write(
      't.pkr.hcl',
      `source "docker" "web" {
  image       = "base:1"
  pull        = false
  discard     = true
  run_command = ["-d", "-i", "-t", "--network=none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]
}
build {
  sources = ["docker.web"]
  provisioner "shell" {
    inline = [
      "mkdir -p /var/lib/dpkg /srv",
      "printf 'Package: %s\\nStatus: install ok installed\\nVersion: 1.2-3\\nArchitecture: all\\n\\n' hello world > /var/lib/dpkg/status",
      "printf 'ID=debian\\nVERSION_ID=12\\n' > /etc/os-release",
      "echo '{\\"spdxVersion\\":\\"SPDX-2.3\\",\\"name\\":\\"own\\"}' > /srv/own.json",
      "echo no > /srv/bad.json",
    ]
  }
  provisioner "hcp-sbom" {
    auto_generate = true
    destination   = "boms/"
    sbom_name     = "web-image"
  }
  provisioner "hcp-sbom" {
    source      = "/srv/own.json"
    destination = "own/\${source.name}.spdx.json"
  }
  provisioner "hcp-sbom" {
    source      = "/srv/bad.json"
    destination = "bad.json"
  }
}
`,
    );
    const { code, stdout } = await project.run(['build', '-color=false', '.'], { engine });
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('==> docker.web: Automatic SBOM generation completed successfully');
    expect(stdout).toContain('==> docker.web: Build will continue without SBOM');
    const [made = ''] = readdirSync(path.join(project.folder, 'boms'));
    const sbom = JSON.parse(project.read(`boms/${made}`)) as {
      bomFormat: string;
      components: { name: string; purl?: string }[];
    };
    expect(sbom.bomFormat).toBe('CycloneDX');
    expect(
      sbom.components.flatMap(({ purl = '' }) => /pkg:deb\/debian\/(\w+)@1\.2-3/.exec(purl)?.[1] ?? []),
    ).toEqual(['hello', 'world']);
    expect(JSON.parse(project.read('own/web.spdx.json'))).toEqual({ spdxVersion: 'SPDX-2.3', name: 'own' });
    expect(readdirSync(project.folder)).not.toContain('bad.json');
    expect(daemon.docker('ps', '-aq')).toBe('');
  });

  test('values of the moment name things without a new build; in the machine they are said, and run', async () => {
    const template = (step: string, names = ''): string => `source "docker" "web" {
  image       = "base:1"
  pull        = false
  commit      = true
  run_command = ["-d", "-i", "-t", "--network=none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]
}
build {
  sources = ["docker.web"]
  provisioner "shell" {
    inline = ["echo first > /first"]
  }
  provisioner "shell" {
    name = "moment"
    inline = ["echo ${names} \${build.Host}/\${build.Port} > /names"]
    ${step}
  }
  post-processor "docker-tag" {
    repository = "moment"
    tags       = ["at-\${formatdate("YYYYMMDDhhmmss", timestamp())}-\${uuidv4()}"]
  }
}
`;
    using project = new PackerProject().write('t.pkr.hcl', template(''));
    const build = async (): Promise<string> => {
      const { code, stdout } = await project.run(['build', '-color=false', '.'], { engine });
      expect(code, stdout).toBe(0);
      return stdout;
    };
    const names = (): string =>
      daemon.docker('run', '--rm', '--network=none', '--entrypoint=/bin/cat', tags()[0] ?? '', '/names');
    const tags = (): string[] => daemon.docker('image', 'ls', '--format', '{{.ID}}', 'moment').split('\n');
    expect(await build()).not.toContain('cached:');
    const second = await build();
    expect(second).toContain('==> docker.web: cached: shell');
    expect(second).toContain('==> docker.web: cached: moment');
    expect(second).not.toContain('Provisioning with shell script');
    expect(names()).toBe('/0');
    // Two names of one image.
    expect(tags()).toHaveLength(2);
    expect(new Set(tags()).size).toBe(1);

    project.write('t.pkr.hcl', template('environment_vars = ["AT=${timestamp()}"]'));
    for (let run = 0; run < 2; run += 1) {
      const said = await build();
      expect(said).toContain('==> docker.web: cached: shell\n');
      expect(said).toMatch(/not cached: moment: environment_vars .* differs in every run/);
      expect(said.match(/Provisioning with shell script/g)).toHaveLength(1);
    }

    project.write('t.pkr.hcl', template('', '${build.PackerRunUUID} ${build.ID}'));
    const seen = new Set<string>();
    for (let run = 0; run < 2; run += 1) {
      expect(await build()).toMatch(/not cached: moment: inline .* differs in every run/);
      expect(names()).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} [0-9a-f]{64} \/0$/);
      seen.add(names());
    }
    expect(seen.size).toBe(2);
  });
});
