import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatFailures } from '../../../src/diagnostics/printer.ts';
import type { Template } from '../../../src/model/pipeline.ts';
import { locateOption } from '../../../src/schema/locator.ts';
import { loadTemplate } from '../../../src/template/load-template.ts';
import { listVariables } from '../../../src/template/resolve-template.ts';
import { project } from '../../rigs/project.ts';
import { resolveFiles, resolveFolder } from '../../rigs/templates.ts';

const json = (template: Template): unknown =>
  JSON.parse(JSON.stringify(template, (key, value: unknown) => (key === 'origin' ? undefined : value)));

const WEB_YAML = `
name: web
description: A server
variables:
  page: { default: hello, description: What it serves }
  port: { type: number, default: 80 }
  extra: { type: list, default: [vim, git] }
  token: { sensitive: true, default: s3cret }
secrets:
  key: { env: KEY }
matrix:
  variant: [dev, prod]
source: { type: bootstrap, suite: bookworm }
steps:
  - { type: package, install: "\${var.extra}" }
  - { type: package, install: [nginx], name: nginx, timeout: 10m, retries: 2 }
  - { type: file, path: /srv/page, content: "\${var.page} on \${var.port} in \${matrix.variant} $\${var.x} \${HOME} of \${pipeline.id}", needs: [] }
  - type: shell
    inline: make install
    when: { variant: prod }
    needs: [nginx, package]
    secrets: [{ secret: "\${var.token}", env: TOKEN }, { secret: key, env: KEY }]
disk: { size: 2GiB }
exports:
  - type: qcow2
  - { type: qcow2, name: small, compression: zstd, when: { variant: [prod] } }
checks:
  - { type: boot, export: qcow2, port: 80 }
`;

const WEB_TS = `
import { definePipeline } from 'imgpipe';

export default definePipeline({
  name: 'web',
  description: 'A server',
  variables: {
    page: { default: 'hello', description: 'What it serves' },
    port: { type: 'number', default: 80 },
    extra: { type: 'list', default: ['vim', 'git'] },
    token: { sensitive: true, default: 's3cret' },
  },
  secrets: { key: { env: 'KEY' } },
  matrix: { variant: ['dev', 'prod'] },
}, ({ vars, matrix, pipeline }) => ({
  source: { type: 'bootstrap', suite: 'bookworm' },
  steps: [
    { type: 'package', install: vars.extra },
    { type: 'package', install: ['nginx'], name: 'nginx', timeout: '10m', retries: 2 },
    { type: 'file', path: '/srv/page', content: \`\${vars.page} on \${vars.port} in \${matrix.variant} \\\${var.x} \\\${HOME} of \${pipeline.id}\`, needs: [] },
    { type: 'shell', inline: 'make install', when: { variant: 'prod' }, needs: ['nginx', 'package'],
      secrets: [{ secret: vars.token as never, env: 'TOKEN' }, { secret: 'key', env: 'KEY' }] },
  ],
  disk: { size: '2GiB' },
  exports: [{ type: 'qcow2' }, { type: 'qcow2', name: 'small', compression: 'zstd', when: { variant: ['prod'] } }],
  checks: [{ type: 'boot', export: 'qcow2', port: 80 }],
}) as never);
`;

describe('resolveTemplate', () => {
  it('gives variants, variables, names, settings and secrets', async () => {
    const template = await resolveFiles({ 'pipelines/web.yaml': WEB_YAML });
    const [dev, prod] = template.pipelines;
    expect(template.pipelines.map((each) => each.id)).toEqual(['web[dev]', 'web[prod]']);
    expect(dev?.steps.map((each) => each.name)).toEqual(['package', 'nginx', 'file-page']);
    expect(prod?.steps.map((each) => each.name)).toEqual(['package', 'nginx', 'file-page', 'shell']);
    expect(dev?.steps[0]?.options).toEqual({ install: ['vim', 'git'], recommends: true });
    expect(dev?.steps[1]?.run).toEqual({ timeoutMs: 600_000, retries: 2, continueOnError: false });
    expect(dev?.steps[2]).toMatchObject({
      options: { content: 'hello on 80 in dev ${var.x} ${HOME} of web[dev]' },
      needs: [],
    });
    expect(prod?.steps[3]).toMatchObject({
      needs: ['nginx', 'package'],
      options: { secrets: [{ secret: 'token' }, { secret: 'key' }] },
    });
    expect(prod?.exports.map((each) => each.name)).toEqual(['qcow2', 'small']);
    expect(dev?.exports.map((each) => each.name)).toEqual(['qcow2']);
    expect(dev?.checks).toMatchObject([{ name: 'boot', export: 'qcow2' }]);
    expect(dev?.disk).toMatchObject({ size: 2 ** 31, firmware: 'both' });
    expect(dev).toMatchObject({
      matrix: { variant: 'dev' },
      architecture: 'amd64',
      sourceDateEpoch: 7,
      description: 'A server',
    });
    expect(template.secrets.map((each) => [each.name, each.from])).toEqual([
      ['key', { type: 'env', variable: 'KEY' }],
      ['token', { type: 'value', value: 's3cret' }],
    ]);
  });

  it('YAML, JSON and TypeScript mean the same', async () => {
    const { parse } = await import('yaml');
    const asJson = JSON.stringify(parse(WEB_YAML));
    const same = (template: Template) =>
      JSON.stringify(json(template)).replaceAll(/"directory":"[^"]*"/g, '""');
    const yaml = same(await resolveFiles({ 'pipelines/web.yaml': WEB_YAML }));
    expect(same(await resolveFiles({ 'pipelines/web.json': asJson }))).toBe(yaml);
    expect(same(await resolveFiles({ 'pipelines/web.ts': WEB_TS }))).toBe(yaml);
  });

  it('finds files, folders and lists; names come from files; relative paths hold against the folder', async () => {
    const body = 'source: { type: bootstrap, suite: bookworm }\n';
    const folder = project({
      'pipelines/a.yaml': body,
      'pipelines/b/pipeline.yml': body,
      'pipelines/c.json':
        '[{"name": "c1", "source": {"type": "pipeline", "name": "a"}}, {"name": "c2", "source": {"type": "pipeline", "name": "b"}}]',
      'pipelines/d.ts': `export default { source: { type: 'bootstrap', suite: 'noble' } };`,
      'pipelines/_helper.ts': 'throw new Error("not a template")',
      'pipelines/.hidden.yaml': 'x',
      'pipelines/all.auto.vars.yaml': '',
      'pipelines/files/readme.md': 'x',
      'pipelines/tsconfig.json': '{}',
      'pipelines/packer.pkr.json': '{}',
    });
    const result = await resolveFolder(folder);
    if (!result.ok) throw new Error(formatFailures(result.failures));
    expect(result.value.pipelines.map((each) => [each.id, path.relative(folder, each.directory)])).toEqual([
      ['a', 'pipelines'],
      ['b', 'pipelines/b'],
      ['c1', 'pipelines'],
      ['c2', 'pipelines'],
      ['d', 'pipelines'],
    ]);
    const some = await resolveFolder(folder, { only: ['c1'] });
    expect(some.ok && some.value.pipelines.map((each) => each.id)).toEqual(['a', 'c1']);
    const globbed = await resolveFolder(folder, { only: ['c*'] });
    expect(globbed.ok && globbed.value.pipelines.map((each) => each.id)).toEqual(['a', 'b', 'c1', 'c2']);
    expect(await resolveFolder(folder, { only: ['c3'] })).toMatchObject({
      failures: [
        { reason: 'template-not-found', message: 'there is no pipeline "c3"', hint: 'did you mean "c1"?' },
      ],
    });
  });

  it('makes variants with include, exclude and architectures', async () => {
    const template = await resolveFiles({
      'pipelines/m.yaml': `
matrix:
  architecture: [amd64, arm64]
  release: [12, 13]
  exclude: [{ architecture: arm64, release: 13 }]
  include: [{ architecture: riscv64, release: 13 }]
source: { type: bootstrap, suite: bookworm }
`,
    });
    expect(template.pipelines.map((each) => [each.id, each.architecture])).toEqual([
      ['m[amd64,12]', 'amd64'],
      ['m[amd64,13]', 'amd64'],
      ['m[arm64,12]', 'arm64'],
      ['m[riscv64,13]', 'riscv64'],
    ]);
    expect(template.pipelines[0]?.matrix).toEqual({ architecture: 'amd64', release: '12' });
  });

  it('takes values in the documented order', async () => {
    const files = {
      'pipelines/v.yaml': `
variables: { a: { default: "0" }, b: { default: "0" }, c: { default: "0" }, d: { default: "0" }, e: { default: "0" } }
source: { type: bootstrap, suite: bookworm }
steps: [{ type: shell, inline: "\${var.a}\${var.b}\${var.c}\${var.d}\${var.e}" }]
`,
      'pipelines/z.auto.vars.json': '{"c": "2", "d": "2", "e": "2"}',
      'pipelines/a.auto.vars.yaml': 'c: "1"\n',
      'one.yaml': 'd: "3"\ne: "3"\n',
      'two.json': '{"e": "4"}',
    };
    const given = {
      flags: ['e=5', 'e=6'],
      files: ['one.yaml', 'two.json'],
      env: { IMGPIPE_VAR_b: '1', IMGPIPE_VAR_e: '9', IMGPIPE_VAR_unknown: 'x' },
    };
    const template = await resolveFiles(files, given);
    expect(template.pipelines[0]?.steps[0]?.options['inline']).toBe('01236');
  });

  it('reads text as the declared type', async () => {
    const template = await resolveFiles(
      {
        'pipelines/v.yaml': `
variables:
  on: { type: bool }
  list: { type: list, items: number }
  map: { type: map }
  size: { type: number, validation: { min: 1, max: 9 } }
source: { type: bootstrap, suite: bookworm }
steps:
  - { type: package, install: [x], recommends: "\${var.on}" }
  - { type: shell, inline: "n \${var.size}", env: "\${var.map}" }
`,
      },
      { flags: ['on=false', 'list=1,2', 'map=a=1,b=x=y', 'size=9'] },
    );
    expect(template.pipelines[0]?.steps[0]?.options['recommends']).toBe(false);
    expect(template.pipelines[0]?.steps[1]?.options['env']).toEqual({ a: '1', b: 'x=y' });
  });

  it('gives default names that do not depend on what stands before', async () => {
    const steps = (...lines: string[]) => ({
      'pipelines/n.yaml': `source: { type: bootstrap, suite: bookworm }\nsteps:\n${lines.map((line) => `  - ${line}\n`).join('')}`,
    });
    const names = async (...lines: string[]) =>
      (await resolveFiles(steps(...lines))).pipelines[0]?.steps.map((each) => each.name);
    const motd = '{ type: file, path: /etc/motd, content: x }';
    expect(
      await names(motd, '{ type: user, user: deploy }', '{ type: shell, script: scripts/set up.sh }'),
    ).toEqual(['file-motd', 'user-deploy', 'shell-set-up.sh']);
    expect(
      await names(
        '{ type: package, install: [a] }',
        motd,
        motd,
        '{ type: package, install: [b], name: file-motd-2 }',
      ),
    ).toEqual(['package', 'file-motd', 'file-motd-3', 'file-motd-2']);
  });

  it('uses the mirror of the config where none is named', async () => {
    const files = {
      'pipelines/a.yaml': 'source: { type: bootstrap, suite: bookworm }\n',
      'pipelines/b.yaml': 'source: { type: bootstrap, suite: bookworm, mirror: http://b.example }\n',
      'pipelines/c.yaml': 'source: { type: pipeline, name: a }\n',
    };
    const template = await resolveFiles(files, { mirror: 'http://config.example' });
    expect(template.pipelines.map((each) => each.source.options['mirror'])).toEqual([
      'http://config.example',
      'http://b.example',
      undefined,
    ]);
  });

  it('knows later where an option was written', async () => {
    const both: Record<string, string>[] = [
      { 'pipelines/web.yaml': WEB_YAML },
      { 'pipelines/web.ts': WEB_TS },
    ];
    for (const files of both) {
      const template = await resolveFiles(files);
      const shell = template.pipelines[1]?.steps[3];
      if (shell === undefined) throw new Error('no step');
      const [file, text] = Object.entries(files)[0] ?? ['', ''];
      const lineOf = (part: string) => text.split('\n').findIndex((line) => line.includes(part)) + 1;
      const place = locateOption(shell, 'secrets[1].env');
      expect(place.file.endsWith(file)).toBe(true);
      expect(place.line).toBe(lineOf('secret: key') || lineOf("secret: 'key'"));
      expect(text.split('\n')[place.line - 1]?.slice(place.column - 1, (place.endColumn ?? 0) - 1)).toMatch(
        /^'?KEY'?$/,
      );
      expect(shell.origin.line).toBe(lineOf('type: shell') || lineOf("type: 'shell'"));
      // An option that is not written leads to the step itself.
      expect(locateOption(shell, 'script')).toBe(shell.origin);
      // Serialised, as for a worker, it is still a plain range.
      expect(JSON.parse(JSON.stringify(shell.origin))).toMatchObject({
        line: shell.origin.line,
        file: place.file,
      });
    }
  });

  it('lists variables', async () => {
    const folder = project({
      'pipelines/web.yaml': WEB_YAML,
      'pipelines/b.yaml': 'variables: { need: { type: number } }\n',
    });
    const parsed = await loadTemplate({ folder: path.join(folder, 'pipelines') });
    if (!parsed.ok) throw new Error('not loaded');
    const listed = listVariables(parsed.value);
    expect(listed.ok && listed.value).toEqual([
      { name: 'extra', type: 'list', sensitive: false, required: false, defaultValue: '["vim","git"]' },
      { name: 'need', type: 'number', sensitive: false, required: true },
      {
        name: 'page',
        type: 'string',
        sensitive: false,
        required: false,
        defaultValue: 'hello',
        description: 'What it serves',
      },
      { name: 'port', type: 'number', sensitive: false, required: false, defaultValue: '80' },
      { name: 'token', type: 'string', sensitive: true, required: false },
    ]);
  });
});
