import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addTinyRoot, CliProject } from './cli.ts';

/** A project with one tiny image that needs no disk, for what comes after exports. */
export class PostProject extends CliProject {
  constructor(exports: string, more: { readonly head?: string; readonly steps?: string } = {}) {
    super({});
    addTinyRoot(this);
    this.describe(exports, more);
  }

  /** @param exports YAML of the list; @param more.head further fields; @param more.steps YAML of further steps */
  describe(exports: string, more: { readonly head?: string; readonly steps?: string } = {}): void {
    this.write(
      'pipelines/web.yaml',
      `sourceDateEpoch: 1700000000
source: { type: rootfs, path: tiny.tar }
${more.head ?? ''}
steps:
  - { type: file, name: page, path: /srv/page, content: "${'x'.repeat(20_000)}" }
${more.steps ?? ''}
exports:
${exports}
`,
    );
  }

  get output(): string {
    return this.path('output/web');
  }

  /** Names in the output folder, without those that are always there. */
  outputs(): string[] {
    const always = ['SHA256SUMS', 'manifest.json', 'web.auto.tfvars.json', '.imgpipe-history.json'];
    return readdirSync(this.output).filter((name) => !always.includes(name));
  }

  /** Runs a program in the output folder; gives what it printed. */
  tool(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      cwd: this.output,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Whether a text stands in any file of the cache, logs and records included. */
  cacheHolds(text: string): boolean {
    const grep = (): string =>
      execFileSync('grep', ['-rlFe', text, this.path('cache'), this.output], { encoding: 'utf8' });
    try {
      return grep() !== '';
    } catch (error) {
      // grep ends with 1 when it finds nothing.
      if ((error as { status?: number }).status === 1) return false;
      throw error;
    }
  }

  /** Keys of all kinds in `keys/`: an ECDSA pair, a minisign pair and an OpenPGP pair, none with a passphrase. */
  addKeys(): void {
    const folder = this.path('keys');
    mkdirSync(folder);
    const pair = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writeFileSync(join(folder, 'cosign.key'), pair.privateKey);
    writeFileSync(join(folder, 'cosign.pub'), pair.publicKey);
    execFileSync('minisign', ['-G', '-W', '-p', 'minisign.pub', '-s', 'minisign.key'], {
      cwd: folder,
      stdio: 'ignore',
    });
    const home = join(folder, 'gnupg');
    mkdirSync(home, { mode: 0o700 });
    const gpg = (...args: string[]): Buffer =>
      execFileSync('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    gpg('--quick-generate-key', 'Release <release@example.org>', 'ed25519', 'sign', 'never');
    writeFileSync(join(folder, 'gpg.key'), gpg('--armor', '--export-secret-keys'));
    writeFileSync(join(folder, 'gpg.pub'), gpg('--armor', '--export'));
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
  }

  /** A line of a private key, to look for where it must not be. */
  secretLine(name: 'cosign' | 'minisign' | 'gpg'): string {
    const lines = readFileSync(this.path(`keys/${name}.key`), 'utf8')
      .trim()
      .split('\n');
    return lines.find((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)) ?? '';
  }
}

/** The declarations of the keys of `addKeys`. */
export const KEY_SECRETS = `secrets:
  cosign_key: { file: ../keys/cosign.key }
  minisign_key: { file: ../keys/minisign.key }
  gpg_key: { file: ../keys/gpg.key }
`;
