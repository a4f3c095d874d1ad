import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { PackerProject } from '../../rigs/packer-command.ts';

const CI = ['GITHUB_', 'CI_', 'BUILD_', 'PKR_VAR_'];
const before = { ...process.env };
const cache = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-cache-'));
beforeAll(() => {
  for (const name of Object.keys(process.env)) {
    if (CI.some((prefix) => name.startsWith(prefix))) delete process.env[name];
  }
  process.env['XDG_CACHE_HOME'] = cache;
});
afterAll(() => {
  process.env = before;
  rmSync(cache, { recursive: true, force: true });
});

const build = async (project: PackerProject) => await project.run(['build', '-color=false', '.'], { engine });

const template = (options: string, more = ''): string => `
variable "token" {
  default   = "s3cret-token"
  sensitive = true
}
source "file" "words" {
  content = "words\\n"
  target  = "out/words.txt"
}
source "null" "none" {
  communicator = "none"
}
build {
  name    = "site"
  sources = ["file.words", "null.none"]
  post-processor "provenance" {
    only = ["file.words"]
    ${options}
  }
  ${more}
}
`;

const WORDS = createHash('sha256').update('words\n').digest('hex');

describe('the post-processor provenance', () => {
  test('writes a statement of the file beside it, and leaves the artifact as it is', async () => {
    using project = new PackerProject().write('t.pkr.hcl', template(''));
    const { code, stdout } = await build(project);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Wrote attestation to out/words.txt.provenance.json');
    expect(stdout).toContain('--> site.file.words: Stored file: out/words.txt');
    expect(readdirSync(path.join(project.folder, 'out')).toSorted()).toEqual([
      'words.txt',
      'words.txt.provenance.json',
    ]);
    const file = path.join(project.folder, 'out/words.txt.provenance.json');
    expect(statSync(file).mode & 0o777).toBe(0o664);
    expect(JSON.parse(project.read('out/words.txt.provenance.json'))).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'words.txt', digest: { sha256: WORDS } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'https://packer.io/buildtypes/hcl2/v1',
          externalParameters: {},
          internalParameters: {
            packerBuildName: 'words',
            packerBuilderType: 'file',
            packerVersion: '1.16.0',
          },
        },
        runDetails: {
          builder: { id: 'https://packer.io/local-build', version: { packer: '1.16.0' } },
          metadata: { invocationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
        },
      },
    });
  });

  test('names sources, variables and the CI run; sensitive values are left out', async () => {
    using project = new PackerProject().write(
      't.pkr.hcl',
      template(`build_type = "https://example.org/t"
    output_dir     = "statements"
    template       = "t.pkr.hcl"
    only_builds    = ["site.file.words"]
    user_variables = { token = var.token, region = "a<b" }`),
    );
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: project.folder, encoding: 'utf8' }).trim();
    git('init', '-q', '-b', 'trunk');
    git('config', 'user.email', 'me@example.org');
    git('config', 'user.name', 'me');
    git('commit', '-q', '--allow-empty', '-m', 'x');
    git('remote', 'add', 'origin', 'https://me:pass@git.example.org/site.git');
    process.env['PKR_VAR_zone'] = 'z';
    process.env['BUILD_ID'] = '77';
    process.env['BUILD_URL'] = 'https://ci.example.org/77';
    try {
      const { code, stdout } = await build(project);
      expect(code, stdout).toBe(0);
    } finally {
      for (const name of ['PKR_VAR_zone', 'BUILD_ID', 'BUILD_URL']) delete process.env[name];
    }
    const text = project.read('statements/words.txt.provenance.json');
    expect(text).not.toContain('s3cret-token');
    expect(text).toContain('"region": "a\\u003cb"');
    expect(JSON.parse(text)).toMatchObject({
      predicate: {
        buildDefinition: {
          buildType: 'https://example.org/t',
          externalParameters: {
            template: 't.pkr.hcl',
            onlyBuilds: ['site.file.words'],
            userVariables: { token: '[sensitive value redacted]', region: 'a<b', zone: 'z' },
          },
          resolvedDependencies: [
            {
              uri: 'git+https://git.example.org/site.git@refs/heads/trunk',
              digest: { gitCommit: git('rev-parse', 'HEAD') },
            },
          ],
        },
        runDetails: { builder: { id: 'https://ci.example.org/77' }, metadata: { invocationId: '77' } },
      },
    });
  });

  test.each(['ec', 'rsa', 'ed25519'] as const)('signs by a key: %s', async (type) => {
    const { privateKey, publicKey } =
      type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : type === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    using project = new PackerProject()
      .write('key.pem', String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
      .write('key.pub', String(pem))
      .write('t.pkr.hcl', template('signing_mode = "key"\n    signer = "key.pem"\n    verifier = "key.pub"'));
    const { code, stdout } = await build(project);
    expect(code, stdout).toBe(0);
    const envelope = JSON.parse(project.read('out/words.txt.provenance.json')) as {
      payloadType: string;
      payload: string;
      signatures: { keyid: string; sig: string }[];
    };
    const payload = Buffer.from(envelope.payload, 'base64');
    expect(JSON.parse(payload.toString())).toMatchObject({ subject: [{ name: 'words.txt' }] });
    const [signature] = envelope.signatures;
    expect(signature?.keyid).toBe(createHash('sha256').update(pem).digest('hex'));
    const signed = Buffer.concat([
      Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `),
      payload,
    ]);
    const algorithm = type === 'ed25519' ? null : 'sha256';
    const bytes = Buffer.from(signature?.sig ?? '', 'base64');
    expect(verify(algorithm, signed, createPublicKey(pem), bytes)).toBe(true);
  });

  test('a verifier that does not fit fails the build, and nothing is written', async () => {
    const key = (): string =>
      String(
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }),
      );
    using project = new PackerProject()
      .write('key.pem', key())
      .write('other.pem', key())
      .write('t.pkr.hcl', template('signing_mode = "key"\n    key = "key.pem"\n    verifier = "other.pem"'));
    const { code, stdout } = await build(project);
    expect(code).toBe(1);
    expect(stdout).toContain('verify signed attestation: signature verification failed');
    expect(existsSync(path.join(project.folder, 'out/words.txt.provenance.json'))).toBe(false);
  });

  test('a bill of materials comes with a statement of its own', async () => {
    using project = new PackerProject()
      .write(
        'root/var/lib/dpkg/status',
        'Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n',
      )
      .write('t.pkr.hcl', template('sbom = true\n    sbom_scan_path = "root"\n    sbom_format = "spdx"'));
    const { code, stdout } = await build(project);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Wrote SBOM to out/words.txt.sbom.spdx.json');
    const sbom = JSON.parse(project.read('out/words.txt.sbom.spdx.json')) as object;
    expect(JSON.stringify(sbom)).toContain('pkg:deb/');
    expect(JSON.parse(project.read('out/words.txt.sbom.att.json'))).toMatchObject({
      subject: [{ name: 'words.txt', digest: { sha256: WORDS } }],
      predicateType: 'https://spdx.dev/Document',
      predicate: sbom,
    });
  });

  test('a file whose name does not begin with that of the build gets it before its own', async () => {
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('').replace('out/words.txt', 'image.bin'),
    );
    expect((await build(project)).code).toBe(0);
    expect(existsSync(path.join(project.folder, 'words.image.bin.provenance.json'))).toBe(true);
  });

  test('an artifact without files is named by what it is; false writes nothing', async () => {
    using project = new PackerProject().write(
      't.pkr.hcl',
      template('provenance = false', 'post-processor "provenance" {\n    only = ["null.none"]\n  }'),
    );
    const { code, stdout } = await build(project);
    expect(code, stdout).toBe(0);
    expect(existsSync(path.join(project.folder, 'out/words.txt.provenance.json'))).toBe(false);
    const statement = JSON.parse(project.read('none.fnoeding.null-Null.provenance.json')) as object;
    expect(statement).toMatchObject({
      subject: [{ name: 'fnoeding.null:Null' }],
      predicate: { runDetails: { byproducts: [{ name: 'cloud-artifact-identity' }] } },
    });
  });

  test.each([
    ['signing_mode = "key"', 'signing_mode "key" requires signer or key'],
    ['signing_mode = "key"\n    signer = "a"\n    key = "b"', 'signer and key must match when both are set'],
    ['signing_mode = "kms"\n    signer = "x"', 'requires a recognized KMS or Vault URI'],
    ['signing_mode = "keyless"', 'requires keyless_identity and keyless_oidc_issuer'],
    ['signing_mode = "other"', 'signing_mode "other" is not implemented'],
    ['signing_mode = "kms"\n    signer = "awskms://x"', 'asks a service to sign, which imgpipe does not do'],
  ])('%s is refused', async (options, message) => {
    using project = new PackerProject().write('t.pkr.hcl', template(options));
    const { code, stdout } = await build(project);
    expect(code).toBe(1);
    expect(stdout).toContain(message);
  });
});
