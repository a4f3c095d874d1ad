import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { appendFileSync, copyFileSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KEY_SECRETS, PostProject } from '../../rigs/post-project.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const STATUS = `Package: page
Status: install ok installed
Maintainer: A. Maintainer <a@example.org>
Architecture: amd64
Source: pages (2.0)
Version: 1:2.0-1+b1
Description: a page
 that is long

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0
`;

/** Steps that make dpkg's database: a package that owns a program of the image, by the old name of its folder. */
const DATABASE = `  - { type: file, name: status, path: /var/lib/dpkg/status, content: ${JSON.stringify(STATUS)} }
  - { type: file, name: list, path: /var/lib/dpkg/info/page.list, content: "/.\\n/bin\\n/bin/cat\\n" }
  - { type: file, name: release, path: /etc/os-release, content: "ID=debian\\nVERSION_ID=\\"12\\"\\nPRETTY_NAME=\\"Debian 12\\"\\n" }
`;

const POST = `  - type: rootfs-tar
    compression: none
    post:
      - { type: sbom, formats: [spdx, cyclonedx] }
      - { type: provenance }
      - { type: provenance, secret: cosign_key, builderId: 'https://ci.example.org/' }
      - { type: sign, method: minisign, secret: minisign_key, files: [web.tar] }
      - { type: sign, method: gpg, secret: gpg_key, files: [web.tar] }
`;

interface Spdx {
  readonly packages: {
    SPDXID: string;
    name: string;
    versionInfo?: string;
    externalRefs?: { referenceLocator: string }[];
  }[];
  readonly files: {
    SPDXID: string;
    fileName: string;
    checksums: { algorithm: string; checksumValue: string }[];
  }[];
  readonly relationships: { spdxElementId: string; relationshipType: string; relatedSpdxElement: string }[];
}

interface Statement {
  readonly subject: { name: string; digest: { sha256: string } }[];
  readonly predicate: {
    buildDefinition: {
      externalParameters: { nodes: { id: string; kind: string; key: string }[] };
      resolvedDependencies: { name: string; digest: Record<string, string> }[];
    };
  };
}

describe.skipIf(noWorkspace !== undefined)('documents beside an image', () => {
  test('bills of materials, provenance, and what verify makes of them', async () => {
    const project = new PostProject(POST, { head: KEY_SECRETS, steps: DATABASE });
    project.addKeys();
    const result = await project.build();
    expect(result.code, result.stderr + result.stdout.slice(-1500)).toBe(0);
    const image = sha256(join(project.output, 'web.tar'));

    const cyclonedx = project.read('output/web/web.tar.cdx.json');
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(cyclonedx)).toBeNull();
    expect(JSON.parse(cyclonedx)).toMatchObject({
      metadata: { component: { hashes: [{ alg: 'SHA-256', content: image }] } },
      components: expect.arrayContaining([
        expect.objectContaining({
          name: 'page',
          purl: 'pkg:deb/debian/page@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-12',
          components: [expect.objectContaining({ type: 'file', name: '/usr/bin/cat' })],
        }),
      ]) as unknown,
    });

    const spdx = JSON.parse(project.read('output/web/web.tar.spdx.json')) as Spdx;
    expect(spdx.packages.map(({ name, versionInfo }) => [name, versionInfo])).toEqual([
      ['web', undefined],
      ['page', '1:2.0-1+b1'],
    ]);
    const page = spdx.files.find(({ fileName }) => fileName === './usr/bin/cat');
    const content = readFileSync(realpathSync('/bin/cat'));
    expect(page?.checksums).toEqual([
      { algorithm: 'SHA1', checksumValue: createHash('sha1').update(content).digest('hex') },
      { algorithm: 'SHA256', checksumValue: createHash('sha256').update(content).digest('hex') },
    ]);
    const ids = ['SPDXRef-DOCUMENT', ...[...spdx.packages, ...spdx.files].map(({ SPDXID }) => SPDXID)];
    expect(new Set(ids).size).toBe(ids.length);
    for (const { spdxElementId, relatedSpdxElement } of spdx.relationships)
      expect(ids).toEqual(expect.arrayContaining([spdxElementId, relatedSpdxElement]));
    expect(spdx.relationships).toContainEqual({
      spdxElementId: spdx.packages[1]?.SPDXID,
      relationshipType: 'CONTAINS',
      relatedSpdxElement: page?.SPDXID,
    });

    const statement = JSON.parse(project.read('output/web/web.tar.provenance.json')) as Statement;
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { runDetails: { builder: { id: 'urn:imgpipe:local' } } },
    });
    expect(statement.subject[0]).toEqual({ name: 'web.tar', digest: { sha256: image } });
    const { externalParameters, resolvedDependencies } = statement.predicate.buildDefinition;
    const names = ['web/source', 'web/page', 'web/status', 'web/list', 'web/release', 'web/seal'];
    expect(externalParameters.nodes.map(({ id }) => id)).toEqual([
      ...names,
      'web/rootfs-tar',
      'web/rootfs-tar.sbom',
    ]);
    expect(resolvedDependencies.map(({ name }) => name)).toEqual(['web/source: path', ...names]);

    // The envelope's signature, over what the specification of DSSE says, checked by another program.
    const {
      payload: signed,
      payloadType,
      signatures,
    } = JSON.parse(project.read('output/web/web.tar.intoto.jsonl')) as {
      payload: string;
      payloadType: string;
      signatures: { sig: string }[];
    };
    const body = Buffer.from(signed, 'base64');
    const head = `DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `;
    writeFileSync(project.path('signed'), Buffer.concat([Buffer.from(head), body]));
    writeFileSync(project.path('signature'), Buffer.from(signatures[0]?.sig ?? '', 'base64'));
    const check = ['-verify', project.path('keys/cosign.pub'), '-signature', project.path('signature')];
    expect(project.tool('openssl', 'dgst', '-sha256', ...check, project.path('signed'))).toContain('OK');

    const verify = (...args: string[]) => project.run('verify', 'output/web/web.tar', ...args);
    const keys = ['cosign', 'minisign', 'gpg'].flatMap((name) => ['--key', `keys/${name}.pub`]);
    const alone = await verify();
    expect(alone, alone.stderr).toMatchObject({ code: 0 });
    expect(alone.stdout).toContain('not checked  web.tar.intoto.jsonl: signature');
    const right = await verify(...keys, '--json');
    expect(right, right.stderr).toMatchObject({ code: 0 });
    const [told] = JSON.parse(right.stdout) as { verdicts: { by: string; verdict: string }[] }[];
    expect(told?.verdicts.every(({ verdict }) => verdict === 'right')).toBe(true);
    expect([...new Set(told?.verdicts.map(({ by }) => by))].toSorted()).toEqual([
      'SHA256SUMS',
      'manifest.json',
      'web.tar.asc',
      'web.tar.cdx.json',
      'web.tar.intoto.jsonl',
      'web.tar.minisig',
      'web.tar.provenance.json',
      'web.tar.spdx.json',
    ]);

    // One bit of any file that speaks of the image, or of the image.
    for (const name of [
      'web.tar',
      'web.tar.cdx.json',
      'web.tar.spdx.json',
      'web.tar.provenance.json',
      'web.tar.intoto.jsonl',
      'web.tar.minisig',
      'web.tar.asc',
    ]) {
      const path = join(project.output, name);
      const bytes = readFileSync(path);
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8((flipped.at(-40) ?? 0) ^ 1, flipped.length - 40);
      writeFileSync(path, flipped);
      const found = await verify(...keys);
      expect(found.code, `${name}: ${found.stdout}${found.stderr}`).toBe(1);
      writeFileSync(path, bytes);
    }
    expect((await verify(...keys)).code).toBe(0);

    // Another key; a changed statement; a changed image; nothing that speaks of it.
    const other = new PostProject('  - { type: rootfs-tar }');
    other.addKeys();
    for (const name of ['cosign', 'minisign', 'gpg']) {
      const wrong = await verify('--key', other.path(`keys/${name}.pub`));
      expect(wrong.code, name).toBe(1);
      expect(wrong.stderr).toContain('another key');
    }
    const envelope = JSON.parse(project.read('output/web/web.tar.intoto.jsonl')) as { payload: string };
    const payload = Buffer.from(envelope.payload, 'base64')
      .toString()
      .replace('ci.example.org', 'c1.example.org');
    const forged = { ...envelope, payload: Buffer.from(payload).toString('base64') };
    writeFileSync(join(project.output, 'web.tar.intoto.jsonl'), JSON.stringify(forged));
    const changed = await verify('--key', 'keys/cosign.pub');
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('the statement was changed');
    appendFileSync(join(project.output, 'web.tar'), 'x');
    const broken = await verify('--key', 'keys/gpg.pub');
    expect(broken.code).toBe(1);
    for (const name of [
      'SHA256SUMS',
      'manifest.json',
      'web.tar.asc',
      'web.tar.provenance.json',
      'web.tar.spdx.json',
    ])
      expect(broken.stdout).toContain(`WRONG        ${name}: `);
    copyFileSync(join(project.output, 'web.tar'), project.path('alone.tar'));
    const nothing = await project.run('verify', 'alone.tar');
    expect(nothing.code).toBe(1);
    expect(nothing.stderr).toContain('nothing beside alone.tar says what it must be');
    expect((await project.run('verify', 'nope.tar')).code).toBe(2);
    expect((await verify('--key', 'keys/cosign.key')).stderr).toContain('is a private key');
  });

  test('the same image gives the same bills, another key a new signature only', async () => {
    const exports =
      '  - { type: rootfs-tar, compression: none, post: [{ type: sbom, formats: [spdx, cyclonedx] }] }';
    const sums = [];
    for (let round = 0; round < 2; round += 1) {
      const project = new PostProject(exports, { steps: DATABASE });
      const result = await project.build();
      expect(result.code, result.stderr + result.stdout.slice(-1500)).toBe(0);
      sums.push(project.read('output/web/SHA256SUMS'));
    }
    expect(sums[0]).toBe(sums[1]);
  });
});

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
