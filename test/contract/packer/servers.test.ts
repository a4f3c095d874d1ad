import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { readConsulKey } from '../../../src/template/packer-servers/read-consul.ts';
import { readVaultSecret } from '../../../src/template/packer-servers/read-vault.ts';
import { PackerProject } from '../../rigs/packer-command.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { makeCertificate, startValueServers, type ValueServers } from '../../rigs/value-servers.ts';

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
afterEach(() => {
  vi.unstubAllEnvs();
});

const STORED = {
  vault: {
    'secret/data/app': { data: { data: { password: 'of-version-2', port: 80 }, metadata: { version: 3 } } },
    'kv/app': { data: { password: 'of-version-1' } },
    'kv/from-consul': { data: { password: 'found by name' } },
  },
  consul: { 'app/name': 'web', 'app/where': 'from-consul' },
  aws: { database: '{"user":"bob-of-db","port":5432}', one: '{"only":"one-value"}', plain: 'just-a-text' },
};

function environmentOf({ address }: ValueServers): Record<string, string> {
  const environment = {
    VAULT_ADDR: address,
    VAULT_TOKEN: 'token-of-vault',
    CONSUL_HTTP_ADDR: address,
    AWS_ENDPOINT_URL: address,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'key-of-aws',
  };
  // The AWS library looks at the process.
  for (const [name, text] of Object.entries(environment)) vi.stubEnv(name, text);
  return environment;
}

describe('values of servers', () => {
  test.each([
    ['upper(consul_key("app/name"))', 'WEB'],
    // What they hold is secret; that it came is seen by what is made of it.
    ['vault("secret/data/app", "password")', '<sensitive>'],
    ['length(vault("secret/data/app", "password"))', '12'],
    ['vault("kv/app", "password") == "of-version-1"', 'true'],
    ['vault("kv/${consul_key("app/where")}", "password") == "found by name"', 'true'],
    ['aws_secretsmanager("database", "user") == "bob-of-db"', 'true'],
    ['aws_secretsmanager("database", "port") == "5432"', 'true'],
    ['aws_secretsmanager("one", null) == "one-value"', 'true'],
    ['aws_secretsmanager("plain", null) == "just-a-text"', 'true'],
    ['jsondecode(aws_secretsmanager_raw("database")).port', '5432'],
    ['try(vault("nowhere", "x"), "fallback")', 'fallback'],
    ['can(consul_key("nowhere"))', 'false'],
    ['[for name in ["name", "where"] : consul_key("app/${name}")][1]', 'from-consul'],
  ])('%s', async (expression, shown) => {
    using project = new PackerProject();
    const env = environmentOf(await startValueServers(STORED));
    const { code, stdout } = await project.run(['console', '-config-type=hcl2'], { stdin: expression, env });
    expect(stdout).toBe(`${shown}\n`);
    expect(code).toBe(0);
  });

  test.each([
    [
      'vault("denied", "x")',
      /Error reading vault secret: Error making API request\. URL: GET http\S+\/v1\/denied Code: 403\. Errors: \* permission denied/,
    ],
    ['vault("nowhere", "x")', /Vault Secret does not exist at the given path/],
    ['vault("secret/data/app", "other")', /Vault path does not contain the requested key/],
    ['vault("secret/data/app", "port")', /the value of the key "port" in Vault is not a text/],
    ['vault("kv/app", "other")', /Vault data was empty at the given path/],
    ['consul_key("nowhere")', /key does not exist at the given path: nowhere/],
    ['aws_secretsmanager("nowhere", null)', /ResourceNotFoundException: no such secret/],
    ['aws_secretsmanager("database", null)', /Secret has multiple values and no key was set/],
    ['aws_secretsmanager("database", "other")', /No secret found for key "other"/],
  ])('%s fails', async (expression, message) => {
    using project = new PackerProject();
    const env = environmentOf(await startValueServers(STORED));
    const { code, stdout } = await project.run(['console', '-config-type=hcl2'], { stdin: expression, env });
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(message);
    expect(code).toBe(1);
  });

  test('a build asks each question once, and shows and keeps no secret', async () => {
    using project = new PackerProject();
    const servers = await startValueServers(STORED);
    const env = environmentOf(servers);
    project.write(
      'web.pkr.hcl',
      `locals {
  password = vault("secret/data/app", "password")
  name     = consul_key("app/name")
}
source "file" "out" {
  content = local.name
  target  = "\${local.name}.txt"
}
build {
  sources = ["file.out"]
  provisioner "shell-local" {
    inline = ["echo \${local.name} \${local.password} \${vault("kv/app", "password")} | tee copy"]
  }
}
`,
    );
    const run = { env, engine };
    const { code, stdout } = await project.run(['build', '-color=false', 'web.pkr.hcl'], run);
    expect(stdout).toContain('file.out: web <sensitive> <sensitive>\n');
    expect(code).toBe(0);
    expect(project.read('copy')).toBe('web of-version-2 of-version-1\n');
    expect(project.read('web.txt')).toBe('web');
    expect(servers.asked.toSorted()).toEqual([
      'GET /v1/kv/app',
      'GET /v1/kv/app/name',
      'GET /v1/secret/data/app',
    ]);
    const traces = ['-e', 'of-version-', '-e', Buffer.from('of-version-2').toString('base64').slice(0, 15)];
    expect(
      spawnSync('grep', ['-raF', ...traces, cache, path.join(project.folder, '.imgpipe')]).stdout.toString(),
    ).toBe('');
  });

  test('validate asks, unless it looks at the syntax alone', async () => {
    using project = new PackerProject();
    const servers = await startValueServers(STORED);
    const env = environmentOf(servers);
    project.write(
      'web.pkr.hcl',
      `source "null" "n" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.n"]\n  provisioner "shell-local" {\n    inline = [vault("denied", "x")]\n  }\n}\n`,
    );
    expect(await project.run(['validate', '-syntax-only', 'web.pkr.hcl'], { env })).toMatchObject({
      code: 0,
    });
    expect(servers.asked).toEqual([]);
    const { code, stdout } = await project.run(['validate', 'web.pkr.hcl'], { env });
    expect(code).toBe(1);
    expect(stdout).toContain('permission denied');
    expect(servers.asked).toEqual(['GET /v1/denied']);
  });

  test('variables of a JSON template', async () => {
    using project = new PackerProject();
    const servers = await startValueServers(STORED);
    const env = environmentOf(servers);
    const template = (variables: object, line: string): string =>
      JSON.stringify({
        variables,
        builders: [{ type: 'null', communicator: 'none' }],
        provisioners: [{ type: 'shell-local', inline: [line] }],
      });
    const variables = {
      key: '{{ vault `secret/data/app` `password` }}',
      name: '{{ consul_key `app/name` }}',
      port: '{{ aws_secretsmanager `database` `port` }}',
      all: '{{ aws_secretsmanager_raw `plain` }}',
      both: '{{ user `name` }}-{{ user `key` }}',
    };
    project.write(
      'web.json',
      template(variables, "echo '{{ user `both` }} {{ user `port` }} {{ user `all` }}' | tee copy"),
    );
    const run = { env, engine };
    const { code, stdout } = await project.run(['build', '-color=false', 'web.json'], run);
    expect(stdout).toContain('null: web-<sensitive> <sensitive> <sensitive>\n');
    expect(code).toBe(0);
    expect(project.read('copy')).toBe('web-of-version-2 5432 just-a-text\n');
    for (const [action, message] of [
      ['{{ vault `a` `b` }}', 'Vault vars are only allowed in the variables section'],
      ['{{ consul_key `a` }}', 'consul_key is not allowed here'],
      ['{{ aws_secretsmanager `a` }}', 'AWS Secrets Manager is only allowed in the variables section'],
    ] as const) {
      project.write('elsewhere.json', template({}, `echo ${action}`));
      const refused = await project.run(['validate', 'elsewhere.json'], { env });
      expect(refused.stdout.replaceAll(/\s+/g, ' ')).toContain(message);
      expect(refused.code).toBe(1);
    }
  });
});

describe('how the servers are reached', () => {
  const { signal } = new AbortController();

  test('Vault: token and namespace in the headers; a server that is not well is asked again', async () => {
    const servers = await startValueServers({ ...STORED, unwell: 2 });
    const env = { VAULT_ADDR: servers.address, VAULT_TOKEN: 't', VAULT_NAMESPACE: 'team/' };
    const question = { path: 'kv/app', key: 'password' };
    expect(await readVaultSecret(question, env, signal, 1)).toBe('of-version-1');
    expect(servers.asked).toHaveLength(3);
    expect(servers.headers[2]).toMatchObject({
      'x-vault-token': 't',
      'x-vault-namespace': 'team/',
      'x-vault-request': 'true',
    });
    await expect(readVaultSecret(question, { VAULT_ADDR: servers.address }, signal)).rejects.toThrow(
      'Must set VAULT_TOKEN env var in order to use vault template function',
    );
  });

  test('TLS: an unknown certificate is refused; VAULT_CACERT and VAULT_SKIP_VERIFY trust it', async () => {
    const folder = temporaryFolder();
    makeCertificate(folder);
    const servers = await startValueServers({ ...STORED, tls: folder });
    const env = { VAULT_ADDR: servers.address, VAULT_TOKEN: 't', VAULT_MAX_RETRIES: '0' };
    const question = { path: 'kv/app', key: 'password' };
    const certificate = path.join(folder, 'crt');
    await expect(readVaultSecret(question, env, signal)).rejects.toThrow(/self.signed certificate/);
    expect(await readVaultSecret(question, { ...env, VAULT_CACERT: certificate }, signal)).toBe(
      'of-version-1',
    );
    expect(await readVaultSecret(question, { ...env, VAULT_SKIP_VERIFY: 'true' }, signal)).toBe(
      'of-version-1',
    );
    const consul = { CONSUL_HTTP_ADDR: servers.address.replace('https://', ''), CONSUL_HTTP_SSL: 'true' };
    await expect(readConsulKey('app/name', consul, signal)).rejects.toThrow(/self.signed certificate/);
    expect(await readConsulKey('app/name', { ...consul, CONSUL_CACERT: certificate }, signal)).toBe('web');
    expect(await readConsulKey('app/name', { ...consul, CONSUL_HTTP_SSL_VERIFY: 'false' }, signal)).toBe(
      'web',
    );
  });

  test('Consul: token, login and namespace', async () => {
    const servers = await startValueServers(STORED);
    const env = {
      CONSUL_HTTP_ADDR: servers.address,
      CONSUL_HTTP_TOKEN: 'c',
      CONSUL_HTTP_AUTH: 'me:secret',
      CONSUL_NAMESPACE: 'team',
    };
    expect(await readConsulKey('app/name', env, signal)).toBe('web');
    expect(servers.asked).toEqual(['GET /v1/kv/app/name?ns=team']);
    expect(servers.headers[0]).toMatchObject({
      'x-consul-token': 'c',
      authorization: `Basic ${Buffer.from('me:secret').toString('base64')}`,
    });
  });
});
