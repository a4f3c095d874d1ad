import { describe, expect, test } from 'vitest';
import { builtinKinds } from '../../../../src/builtins.ts';
import { describeNodes } from '../../../../src/plan/describe.ts';
import { buildGraph } from '../../../../src/graph/build-graph.ts';
import { unwrap } from '../../../../src/diagnostics/failure.ts';
import { loadPackerTemplate } from '../../../../src/template/packer-hcl/load/load.ts';
import { lowerPacker, type LoweredPacker } from '../../../../src/template/packer-lower/lower.ts';
import { notingWorld } from '../../../../src/template/packer-lower/noting-world.ts';
import { hclReader } from '../../../../src/template/packer-lower/read-hcl.ts';
import { KindTable } from '../../../../src/schema/kind-table.ts';
import type { Kinds } from '../../../../src/schema/kinds.ts';
import { jsonReader } from '../../../../src/template/packer-lower/read-json.ts';
import { readJsonTemplate } from '../../../../src/template/packer-json/read-template.ts';
import { nodeWorld } from '../../../../src/template/packer-hcl/functions/node-world.ts';
import { project } from '../../../rigs/project.ts';

function lower(
  text: string,
  files: Readonly<Record<string, string>> = {},
  kinds: Kinds = builtinKinds,
): LoweredPacker {
  const folder = project({ ...files, 't.pkr.hcl': text });
  const noting = notingWorld(new Date(0), { PACKER_RUN_UUID: 'this run' });
  const options = {
    template: '.',
    packerVersion: '1.16.0',
    world: { workingDirectory: folder, environment: {}, ...noting.world },
  };
  const { template, failures } = loadPackerTemplate(options);
  expect(failures).toEqual([]);
  const reader = hclReader(template, options, { only: [], except: [], packerVersion: '1.16.0' });
  return lowerPacker({
    reader,
    noting,
    kinds,
    directory: folder,
    sourceDateEpoch: 0,
    force: false,
    noCache: false,
  });
}

const file = (steps: string, head = ''): string =>
  `${head}
source "file" "a" {
  content = "x"
  target  = "a.txt"
}
build {
  sources = ["file.a"]
  ${steps}
}
`;

const stepsOf = ({ template }: LoweredPacker) => template.pipelines[0]?.steps ?? [];

describe('provisioners', () => {
  test('keep their settings, which are in no key', () => {
    const lowered = lower(
      file(`provisioner "shell-local" {
    inline            = ["true"]
    pause_before      = "2s"
    timeout           = "5s"
    max_retries       = 3
    continue_on_error = true
  }
  provisioner "shell-local" {
    name    = "named"
    inline  = ["true"]
    timeout = "5s"
  }`),
    );
    expect(lowered.failures).toEqual([]);
    expect(stepsOf(lowered)).toMatchObject([
      {
        name: 'shell-local',
        type: 'packer-shell-local',
        // A pause switches the timeout off, as in Packer.
        run: { retries: 3, continueOnError: true, pauseBeforeMs: 2000 },
      },
      { name: 'named', run: { retries: 0, continueOnError: false, timeoutMs: 5000 } },
    ]);
    expect(stepsOf(lowered)[0]?.run.timeoutMs).toBeUndefined();
  });

  test('of one kind have names of their own', () => {
    const step = 'provisioner "sleep" {\n    duration = "1ms"\n  }\n';
    expect(stepsOf(lower(file(step + step))).map(({ name }) => name)).toEqual(['sleep', 'sleep-2']);
  });

  test('that are not there fail the build with their place', () => {
    const steps = new KindTable(
      'step',
      builtinKinds.steps.all.filter(({ type }) => type !== 'packer-hcp-sbom'),
    );
    const lowered = lower(
      file('provisioner "hcp-sbom" {\n    source = "/sbom.json"\n  }'),
      {},
      {
        ...builtinKinds,
        steps,
      },
    );
    expect(lowered.template.pipelines).toEqual([]);
    expect(lowered.failures).toMatchObject([
      {
        reason: 'unknown-kind',
        message: expect.stringContaining('"hcp-sbom"') as string,
        origin: { line: 8 },
      },
    ]);
  });
});

describe('what cannot be in a key', () => {
  test('a fact of the machine has a stand-in, and its value when the step runs', () => {
    const lowered = lower(
      file(`provisioner "shell-local" {
    inline = ["echo \${build.ID}", "echo \${upper(build.User)}"]
  }`),
    );
    const [step] = stepsOf(lowered);
    expect(step?.options['inline']).toEqual(['echo <<imgpipe:build:ID>>', 'echo <<IMGPIPE:BUILD:USER>>']);
    const late = lowered.lateOptions('file.a/shell-local', { ID: 'i-1', User: 'me' });
    expect(late?.['inline']).toEqual(['echo i-1', 'echo ME']);
    expect(step?.untracked).toBeUndefined();
  });

  test.each(['timestamp()', 'uuidv4()', 'formatdate("YYYY", timestamp())'])(
    'a value of the moment makes the step untracked: %s',
    (call) => {
      const [step] = stepsOf(
        lower(
          file(`provisioner "shell" {
    inline           = ["true"]
    environment_vars = ["AT=\${${call}}"]
  }`),
        ),
      );
      expect(step?.untracked).toMatch(/^environment_vars holds a value that differs in every run/);
    },
  );

  test('a value of the moment that only names things does not', () => {
    const [first, second] = ['2020', '2021'].map((year) => {
      const lowered = lower(
        file(
          'provisioner "shell" {\n    inline      = ["true"]\n    pause_after = "1s"\n  }',
          `locals {\n  unused = "${year}-\${timestamp()}"\n}`,
        ),
      );
      const graph = unwrap(buildGraph(lowered.template, builtinKinds));
      return [...describeNodes(graph, builtinKinds)].find(([id]) => id === 'file.a/shell')?.[1];
    });
    expect(first?.untracked).toBeUndefined();
    expect(first?.inputs).toEqual(second?.inputs);
  });

  const untrackedIn = (lowered: LoweredPacker): Record<string, string | undefined> => {
    expect(lowered.failures).toEqual([]);
    const graph = unwrap(buildGraph(lowered.template, builtinKinds));
    return Object.fromEntries(
      [...describeNodes(graph, builtinKinds)].map(([id, { untracked }]) => [
        id.replace(/^[^/]*\//, ''),
        untracked,
      ]),
    );
  };
  const docker = (steps: string, head = '', more = 'commit = true'): string => `${head}
source "docker" "a" {
  image = "base:1"
  pull  = false
  ${more}
}
build {
  sources = ["docker.a"]
  ${steps}
}
`;
  const shell = (options: string): string => `provisioner "shell" {\n    ${options}\n  }`;

  test.each([
    ['{{timestamp}}', 'inline = ["echo {{timestamp}}"]'],
    ['{{uuid}}', 'inline = ["echo {{uuid}}"]'],
    ['bcrypt', 'inline = ["echo ${bcrypt(\\"x\\", 4)}"]'],
    ['a local', 'inline = [local.at]'],
    ['a template file', 'inline = [templatefile("at.tpl", { at = timestamp() })]'],
    ['a map of variables', 'inline = ["true"]\n env = { AT = timestamp() }'],
    ['an action for later', 'inline = ["true"]\n execute_command = "AT={{timestamp}} {{.Path}}"'],
    [
      'one in a condition',
      'inline = ["true"]\n execute_command = "{{if true}}{{uuid | upper}}{{end}} {{.Path}}"',
    ],
    ['a fact for later', 'inline = ["true"]\n execute_command = "ID={{.ID}} {{.Path}}"'],
    ['another fact for later', 'inline = ["true"]\n execute_command = "ID={{build `ID`}} {{.Path}}"'],
    ['a form of variables', 'inline = ["true"]\n env_var_format = "%s=%s-{{uuid}} "'],
    ['the name of the run', 'inline = ["echo ${build.PackerRunUUID}"]'],
    ['a digest of it', 'inline = ["echo ${md5(build.PackerRunUUID)}"]'],
    ['it from the environment', 'inline = ["echo ${var.run}"]'],
    ['the container', 'inline = ["echo ${build.ID}"]'],
    ['an override', 'inline = ["true"]\n override = { a = { inline = ["echo ${uuidv4()}"] } }'],
  ])('what is another in every run makes the step untracked: %s', (_name, options) => {
    const head = `locals {\n  at = "at \${timestamp()}"\n}\nvariable "run" {\n  default = env("PACKER_RUN_UUID")\n}`;
    const files = { 'at.tpl': 'at ${at}\n' };
    expect(untrackedIn(lower(docker(shell(options.replaceAll('\\"', '"')), head), files))['shell']).toMatch(
      /differs in every run|another for every machine/,
    );
  });

  test.each([
    ['nothing', 'inline = ["true"]'],
    ['an address', 'inline = ["echo ${build.Host} ${build.User}"]'],
    ['one of the functions in a text', 'inline = ["echo timestamp uuid"]'],
    [
      'Packer’s own names',
      'inline = ["true"]\n execute_command = "{{.Vars}} sh {{.Path}} {{.EnvVarFile}} {{build_name}}"',
    ],
    ['a time limit', 'inline = ["true"]\n timeout = "${formatdate("s", timestamp())}m"'],
  ])('what is the same does not: %s', (_name, options) => {
    expect(untrackedIn(lower(docker(shell(options))))['shell']).toBeUndefined();
  });

  test('names of artifacts make only them anew', () => {
    const at = '${formatdate("YYYYMMDDhhmmss", timestamp())}';
    const posts = `\n  post-processor "compress" {\n output = "image-${at}.tar.gz"\n }\n  post-processor "checksum" {\n output = "{{timestamp}}.{{.ChecksumType}}"\n }\n  post-processor "checksum" {}`;
    const found = untrackedIn(
      lower(docker(shell('inline = ["true"]') + posts, '', `export_path = "image-${at}.tar"`)),
    );
    expect(found['shell']).toBeUndefined();
    expect(found['artifact']).toContain('export_path');
    expect(found['artifact.compress']).toContain('output');
    expect(found['artifact.checksum']).toContain('output');
    expect(found['artifact.checksum-2']).toBeUndefined();
  });

  test('neither does the name of a virtual machine, unless it is typed; generated ports and keys do', () => {
    const qemu = (more: string): string => `source "qemu" "a" {
  disk_image       = true
  iso_url          = "base.img"
  iso_checksum     = "none"
  vm_name          = "vm-\${timestamp()}"
  output_directory = "out-\${uuidv4()}"
  ssh_username     = "root"
  ${more}
}
build {
  sources = ["qemu.a"]
  provisioner "shell" {
    inline = ["true"]
  }
  provisioner "shell" {
    name   = "port"
    inline = ["echo \${build.Port}"]
  }
  provisioner "shell" {
    name   = "key"
    inline = ["echo \${build.SSHPublicKey}"]
  }
}
`;
    const files = { 'base.img': '' };
    const lowered = lower(qemu(''), files);
    const found = untrackedIn(lowered);
    expect(found['shell']).toBeUndefined();
    expect(found['port']).toBe('build.Port is another for every machine');
    expect(found['key']).toBe('build.SSHPublicKey is another for every machine');
    expect(found['artifact']).toContain('vm_name, output_directory');
    expect(lowered.template.pipelines[0]?.builder?.options['name']).toBe('imgpipe');
    expect(lowered.lateOptions('qemu.a', {})?.['name']).toBe('vm-1970-01-01T00:00:00Z');
    expect(untrackedIn(lower(qemu('boot_command = ["{{ .Name }}<enter>"]'), files))['shell']).toContain(
      'name holds',
    );
  });

  test('in the legacy form: only the variables that a step asks for count', () => {
    const step = (command: string): object => ({ type: 'shell', inline: ['true'], execute_command: command });
    const folder = project({});
    const source = JSON.stringify({
      variables: { at: '{{timestamp}}', word: 'w' },
      builders: [{ type: 'docker', image: 'base:1', commit: true }],
      provisioners: [
        step('{{user `word`}} {{.Path}}'),
        step('{{user `at`}} {{.Path}}'),
        step('{{user "at"}} {{.Path}}'),
        step('{{isotime}} {{.Path}}'),
        { type: 'shell', inline: ['echo {{build `ID`}}'] },
      ],
    });
    const noting = notingWorld(new Date(0));
    const reader = jsonReader(unwrap(readJsonTemplate('t.json', source)), {
      given: new Map(),
      facts: { packerVersion: '1.16.0', world: { ...nodeWorld({ baseDirectory: folder }), ...noting.world } },
      only: [],
      except: [],
    });
    const lowered = lowerPacker({
      reader,
      noting,
      kinds: builtinKinds,
      directory: folder,
      sourceDateEpoch: 0,
      force: false,
      noCache: false,
    });
    const found = untrackedIn(lowered);
    expect(
      Object.keys(found).filter((name) => name.startsWith('shell') && found[name] === undefined),
    ).toEqual(['shell']);
  });

  test('a secret is in no option, and its keyed hash is in the key', () => {
    const lowered = lower(
      file(
        'provisioner "shell" {\n    inline           = ["login"]\n    environment_vars = ["TOKEN=${var.token}", "A=b"]\n  }',
        'variable "token" {\n  default   = "s3cr3t-token"\n  sensitive = true\n}',
      ),
    );
    const [step] = stepsOf(lowered);
    expect(JSON.stringify(lowered.template.pipelines)).not.toContain('s3cr3t-token');
    const name = 'file.a/shell:environment_vars[0]';
    expect(step?.options['environment_vars']).toEqual([`TOKEN=<<imgpipe:secret:${name}>>`, 'A=b']);
    expect(lowered.template.secrets).toMatchObject([
      { name, from: { type: 'value', value: 'TOKEN=s3cr3t-token' } },
    ]);
    const graph = unwrap(buildGraph(lowered.template, builtinKinds));
    expect(describeNodes(graph, builtinKinds).get(graph.nodes[1]!.id)?.secrets).toEqual([name]);
    expect(lowered.lateOptions('file.a/shell', {})?.['environment_vars']).toEqual([
      'TOKEN=s3cr3t-token',
      'A=b',
    ]);
  });

  test('a list of scripts is several steps, each with its own late options', () => {
    const lowered = lower(
      file(
        'provisioner "shell" {\n    scripts          = ["a.sh", "b.sh"]\n    environment_vars = ["ID=${build.ID}"]\n  }',
      ),
      { 'a.sh': 'true\n', 'b.sh': 'true\n' },
    );
    const graph = unwrap(buildGraph(lowered.template, builtinKinds));
    const ids = graph.nodes.filter(({ role }) => role === 'step').map(({ id }) => id);
    expect(ids).toEqual(['file.a/shell.a', 'file.a/shell.b']);
    expect(lowered.lateOptions('file.a/shell.b', { ID: '7' })).toMatchObject({
      script: 'b.sh',
      environment_vars: ['ID=7'],
    });
  });
});

test('a build with something wrong is left out, and the others stay', () => {
  const lowered = lower(`source "null" "bad" {
  communicator = "none"
}
source "file" "good" {
  target  = "b.txt"
  content = "b"
}
build {
  sources = ["null.bad", "file.good"]
  provisioner "shell-local" {
    only    = ["null.bad"]
    inline  = ["x"]
    command = "y"
  }
}
`);
  expect(lowered.template.pipelines.map(({ id }) => id)).toEqual(['file.good']);
  expect(lowered.failures).toHaveLength(1);
});

test('chains of post-processors hang on the one artifact, each after the one before it', () => {
  const lowered = lower(
    file(`post-processors {
    post-processor "compress" {
      output = "a.gz"
    }
    post-processor "checksum" {}
  }
  post-processor "manifest" {}`),
  );
  const graph = unwrap(buildGraph(lowered.template, builtinKinds));
  const posts = graph.nodes.filter((node) => node.role === 'post');
  expect(posts.map(({ name, from, after }) => [name, from, after])).toEqual([
    ['artifact.compress', 'file.a/artifact', undefined],
    ['artifact.checksum', 'file.a/artifact.compress', undefined],
    ['artifact.manifest', 'file.a/artifact', 'file.a/artifact.checksum'],
  ]);
});

describe('builders', () => {
  test.each([
    ['commit = true', 'docker-commit'],
    ['discard = true', 'docker-discard'],
    ['export_path = "a.tar"', 'docker-export'],
  ])('docker with %s', (use, artifact) => {
    const lowered = lower(`source "docker" "web" {
  image = "debian:bookworm"
  pull = false
  privileged = true
  login_password = "unused"
  ${use}
}
build {
  sources = ["docker.web"]
  provisioner "shell" {
    inline = ["true"]
  }
}
`);
    expect(lowered.failures).toEqual([]);
    const [pipeline] = lowered.template.pipelines;
    expect(pipeline).toMatchObject({
      builder: { type: 'docker', options: { privileged: true } },
      source: { type: 'docker-image', options: { image: 'debian:bookworm', pull: false } },
      exports: [{ type: artifact }],
    });
    expect(pipeline?.builder?.options).not.toHaveProperty('login_password');
  });

  test('null: the way in is the builder’s, and its password is a secret of the graph', () => {
    const lowered = lower(`variable "password" {
  default   = "pass-the-word"
  sensitive = true
}
source "null" "host" {
  ssh_host     = "192.0.2.1"
  ssh_username = "root"
  ssh_password = var.password
  ssh_timeout  = "1m30s"
}
build {
  sources = ["null.host"]
}
`);
    expect(lowered.failures).toEqual([]);
    const [pipeline] = lowered.template.pipelines;
    expect(pipeline).toMatchObject({
      builder: { type: 'null', options: { communicator: 'ssh', ssh_host: '192.0.2.1', ssh_timeout: 90_000 } },
      source: { type: 'machine', options: {} },
      exports: [{ type: 'none', chains: [] }],
    });
    expect(JSON.stringify(pipeline)).not.toContain('pass-the-word');
    expect(lowered.lateOptions('null.host', {})).toMatchObject({ ssh_password: 'pass-the-word' });
  });
});
