import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

export interface FakePackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  /** Script that runs after the files are in place. */
  readonly postinst?: string;
}

/** A signed apt archive with packages of its own, served over HTTP on this host. */
export class AptArchive {
  readonly url: string;
  /** Public key, binary. */
  readonly keyFile: string;
  /** Paths that were asked for. */
  readonly requests: string[];
  readonly #root: string;

  private constructor(url: string, root: string, requests: string[]) {
    this.url = url;
    this.#root = root;
    this.keyFile = join(root, 'key.gpg');
    this.requests = requests;
  }

  static async open(packages: readonly FakePackage[], options: ReleaseOptions = {}): Promise<AptArchive> {
    const root = temporaryFolder();
    mkdirSync(join(root, 'gpg'), { mode: 0o700 });
    onTestFinished(() => void execFileSync('gpgconf', ['--homedir', join(root, 'gpg'), '--kill', 'all']));
    gpg(
      root,
      '--passphrase',
      '',
      '--quick-generate-key',
      'Test archive <test@example.org>',
      'ed25519',
      'sign',
      'never',
    );
    writeFileSync(join(root, 'key.gpg'), gpg(root, '--export'));
    publish(root, packages, options);

    const requests: string[] = [];
    const server = createServer((request, response) => {
      const path = request.url ?? '/';
      requests.push(path);
      try {
        response.end(readFileSync(join(root, decodeURIComponent(path))));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return new AptArchive(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, root, requests);
  }

  /** Keeps the archive as it is now in a folder of its own, as a snapshot archive does. */
  keep(folder: string): void {
    for (const part of ['dists', 'pool'])
      cpSync(join(this.#root, part), join(this.#root, folder, part), { recursive: true });
  }

  /** The archive in another state. Packages that are not in it any more are gone, as from a real one. */
  move(packages: readonly FakePackage[], options: ReleaseOptions = {}): void {
    rmSync(join(this.#root, 'pool'), { recursive: true });
    publish(this.#root, packages, options);
  }
}

export interface ReleaseOptions {
  /** `Date` of the Release file; default: a minute ago. */
  readonly date?: Date;
  /** Its `Valid-Until`; default: none. */
  readonly validUntil?: Date;
}

const gpg = (root: string, ...args: string[]) =>
  execFileSync('gpg', ['--homedir', join(root, 'gpg'), '--batch', '--quiet', '--yes', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** Writes packages, index and signed Release of one state. */
function publish(root: string, packages: readonly FakePackage[], { date, validUntil }: ReleaseOptions): void {
  const index = packages.map((one) => build(root, one)).join('\n');
  mkdirSync(join(root, 'dists/test/main/binary-amd64'), { recursive: true });
  writeFileSync(join(root, 'dists/test/main/binary-amd64/Packages'), index);
  const release = [
    'Origin: test',
    'Suite: test',
    'Components: main',
    'Architectures: amd64',
    `Date: ${utc(date ?? new Date(Date.now() - 60_000))}`,
    ...(validUntil === undefined ? [] : [`Valid-Until: ${utc(validUntil)}`]),
    'SHA256:',
    ` ${sha256(Buffer.from(index))} ${Buffer.byteLength(index)} main/binary-amd64/Packages`,
    '',
  ].join('\n');
  writeFileSync(join(root, 'Release'), release);
  gpg(root, '--clearsign', '--output', join(root, 'dists/test/InRelease'), join(root, 'Release'));
}

const utc = (date: Date): string => date.toUTCString().replace('GMT', 'UTC');

/** Builds one package and gives its stanza of the index. */
function build(root: string, { name, version, depends, postinst }: FakePackage): string {
  const tree = join(root, 'trees', `${name}-${version}`);
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  mkdirSync(join(tree, 'opt'), { recursive: true });
  writeFileSync(join(tree, 'opt', name), version);
  const fields = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Test <test@example.org>',
    'Description: test',
  ];
  if (depends !== undefined) fields.push(`Depends: ${depends}`);
  writeFileSync(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  if (postinst !== undefined)
    writeFileSync(join(tree, 'DEBIAN/postinst'), `#!/bin/sh\n${postinst}\n`, { mode: 0o755 });
  const file = `pool/${name}_${version}_all.deb`;
  mkdirSync(join(root, 'pool'), { recursive: true });
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, join(root, file)], {
    stdio: 'ignore',
    // The same package gives the same bytes.
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
  });
  const bytes = readFileSync(join(root, file));
  return `${[...fields, `Filename: ${file}`, `Size: ${bytes.length}`, `SHA256: ${sha256(bytes)}`].join('\n')}\n`;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
