import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { outputManifestSchema } from '../../../src/exporters/output-manifest.ts';
import { KEY_SECRETS, PostProject } from '../../rigs/post-project.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const CHAIN = `  - type: rootfs-tar
    compression: none
    post:
      - { type: compress, method: gz }
      - { type: checksum, types: [sha512, b2] }
      - { type: sign, method: minisign, secret: minisign_key, files: ['*.sha512'] }
      - { type: sign, method: gpg, secret: gpg_key, files: ['*.gz'] }
      - { type: sign, method: cosign, secret: cosign_key, files: ['*.gz'] }
      - { type: manifest, data: { ticket: OPS-1 } }
      - { type: shell-local, command: 'wc -c <"$IMGPIPE_ARTIFACT" >"$IMGPIPE_OUTPUT/bytes.txt"', outputs: [bytes.txt] }
`;

describe.skipIf(noWorkspace !== undefined)('a chain of post-processors', () => {
  test('other tools read what it makes; only what changed is made again; keys stay where they were', async () => {
    const project = new PostProject(CHAIN, { head: KEY_SECRETS });
    project.addKeys();
    const first = await project.build();
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(project.outputs()).toEqual([
      'bytes.txt',
      'web.tar.gz',
      'web.tar.gz.asc',
      'web.tar.gz.b2',
      'web.tar.gz.manifest.json',
      'web.tar.gz.sha512',
      'web.tar.gz.sha512.minisig',
      'web.tar.gz.sig',
    ]);

    project.tool('sha512sum', '-c', 'web.tar.gz.sha512');
    project.tool('b2sum', '-c', 'web.tar.gz.b2');
    project.tool('sha256sum', '-c', 'SHA256SUMS');
    project.tool('minisign', '-V', '-p', project.path('keys/minisign.pub'), '-m', 'web.tar.gz.sha512');
    project.tool('gpg', '--homedir', project.path('keys/gnupg'), '--verify', 'web.tar.gz.asc', 'web.tar.gz');
    const signature = Buffer.from(readFileSync(join(project.output, 'web.tar.gz.sig'), 'utf8'), 'base64');
    writeFileSync(project.path('sig'), signature);
    const verify = ['dgst', '-sha256', '-verify', project.path('keys/cosign.pub'), '-signature'];
    expect(project.tool('openssl', ...verify, project.path('sig'), 'web.tar.gz')).toContain('Verified OK');
    expect(project.tool('bsdtar', '-tf', 'web.tar.gz')).toContain('./srv/page');
    const bytes = readFileSync(join(project.output, 'web.tar.gz'));
    expect(project.read('output/web/bytes.txt').trim()).toBe(String(bytes.length));
    const manifest = JSON.parse(project.read('output/web/web.tar.gz.manifest.json')) as {
      files: { file: string; sha256: string }[];
      nodes: { id: string; key: string }[];
      data: object;
    };
    expect(manifest.files[0]).toMatchObject({ file: 'web.tar.gz', sha256: sha256(bytes) });
    expect(manifest.nodes.map(({ id }) => id).slice(0, 4)).toEqual([
      'web/source',
      'web/page',
      'web/seal',
      'web/rootfs-tar',
    ]);
    expect(manifest.data).toEqual({ ticket: 'OPS-1' });
    const index = outputManifestSchema.parse(JSON.parse(project.read('output/web/manifest.json')));
    expect(index.artifacts.map(({ file }) => file).toSorted()).toEqual(project.outputs());
    for (const name of ['cosign', 'minisign', 'gpg'] as const)
      expect(project.cacheHolds(project.secretLine(name)), name).toBe(false);

    expect((await project.build()).built).toEqual([]);
    rmSync(join(project.output, 'web.tar.gz.b2'));
    const again = await project.build();
    // The same checksums come out, so nothing after them runs.
    expect(again.built).toEqual(['rootfs-tar.checksum']);

    // Compressed another way: the tar itself is still in the cache.
    project.describe(CHAIN.replace('method: gz', 'method: xz'), { head: KEY_SECRETS });
    const other = await project.build();
    expect(other.built[0]).toBe('rootfs-tar.compress');
    expect(other.cached).toContain('rootfs-tar');
    project.tool('xz', '-dk', 'web.tar.xz');
    expect(readFileSync(join(project.output, 'web.tar')).equals(gunzipSync(bytes))).toBe(true);
  });

  test('a folder that is no tree of an image is packed without times and owners of its builder', async () => {
    const post = (method: string): string =>
      `  - { type: oci, name: ${method}, form: folder, compression: none, post: [{ type: compress, method: ${method} }] }`;
    const sums: string[][] = [];
    for (const round of [1, 2]) {
      const project = new PostProject(`${post('gz')}\n${post('zstd')}`);
      expect(await project.start(['build', '--ui=plain'], {}).result, `round ${round}`).toMatchObject({
        code: 0,
      });
      sums.push(
        ['gz', 'zst'].map((ending) => project.tool('sh', '-c', `sha256sum *.tar.${ending} | cut -c-64`)),
      );
      expect(project.tool('sh', '-c', 'tar -tvf *.tar.gz')).toMatch(
        /^-rw-r--r-- 0\/0 +\d+ 2023-11-1\d .* \.\/index\.json$/m,
      );
    }
    expect(sums[1]).toEqual(sums[0]);
  });

  test('a zip is the same in every time zone, and 7z takes it', async () => {
    const exports = `  - type: rootfs-tar
    compression: none
    post: [{ type: compress, method: zip, keepInput: true }]
`;
    const sums = [];
    for (const zone of ['UTC', 'Asia/Kolkata']) {
      const project = new PostProject(exports);
      const result = await project.start(['build', '--ui=plain'], { TZ: zone }).result;
      expect(result.code, result.stderr).toBe(0);
      expect(project.outputs()).toEqual(['web.tar', 'web.tar.zip']);
      project.tool('7zz', 't', 'web.tar.zip');
      sums.push(sha256(readFileSync(join(project.output, 'web.tar.zip'))));
    }
    expect(sums[0]).toBe(sums[1]);
  });

  test('names with placeholders, as many versions as asked for, and a link to the newest', async () => {
    const exports = `  - type: rootfs-tar
    compression: none
    fileName: 'web-\${var.version}-{architecture}-{date}-{digest}'
    keep: 2
    latest: true
    post: [{ type: checksum }]
`;
    const head = 'variables: { version: { default: "1" } }';
    const steps = '  - { type: file, name: v, path: /v, content: "${var.version}" }';
    const project = new PostProject(exports, { head, steps });
    writeFileNear(project, 'own.tar');
    for (const version of ['1', '2', '3']) {
      const result = await project.build('-var', `version=${version}`);
      expect(result, result.stderr).toMatchObject({ code: 0 });
    }
    const names = project.outputs();
    const pattern = /^web-[23]-amd64-20231114-[0-9a-f]{12}\.tar(\.sha256)?$/;
    expect(names.filter((name) => pattern.test(name))).toHaveLength(4);
    expect(names.filter((name) => !pattern.test(name))).toEqual(['own.tar', 'web-latest.tar']);
    expect(readlinkSync(join(project.output, 'web-latest.tar'))).toMatch(/^web-3-/);
    // Back to an older version: its file is there and becomes the newest.
    const back = await project.build('-var', 'version=2');
    expect(back.built).toEqual([]);
  });

  test('a command without declared inputs and outputs runs in every build, with declared ones when they change', async () => {
    const exports = `  - type: rootfs-tar
    post:
      - { type: shell-local, command: 'echo ran >>../ran' }
      - { type: shell-local, command: 'cat about >"$IMGPIPE_OUTPUT/about.txt"', inputs: [about], outputs: [about.txt] }
`;
    const project = new PostProject(exports);
    project.write('pipelines/about', 'one');
    await project.build();
    const second = await project.build();
    expect(second.built).toEqual(['rootfs-tar.shell-local']);
    project.write('pipelines/about', 'two');
    expect((await project.build()).built).toContain('rootfs-tar.shell-local-2');
    expect(project.read('output/web/about.txt')).toBe('two');
    expect(project.read('ran').trim().split('\n')).toHaveLength(3);
  });
});

describe.skipIf(noWorkspace !== undefined)('what goes wrong leaves nothing half-made', () => {
  test.each<[string, string, number, string]>([
    ['an unknown option', '{ type: checksum, kinds: [md5] }', 2, 'kinds'],
    ['an unknown kind', '{ type: compres }', 2, 'did you mean "compress"'],
    ['keepInput where it has no sense', '{ type: checksum, keepInput: false }', 2, 'always true'],
    ['a secret that is not declared', '{ type: sign, method: minisign, secret: nope }', 2, 'not declared'],
    ['a failing command', "{ type: shell-local, command: 'echo why >&2; exit 3' }", 1, 'why'],
    [
      'a command that does not write what it declares',
      "{ type: shell-local, command: 'true', outputs: [x.txt] }",
      1,
      'did not write x.txt',
    ],
    ['nothing to sign', "{ type: sign, files: ['*.nope'] }", 1, 'no file of the artifact matches'],
    [
      'two that write one file',
      '{ type: checksum }, { type: checksum }',
      2,
      'would both write web.tar.sha256',
    ],
    ['a folder that is a file', '{ type: upload, to: ../imgpipe.config.yaml/x }', 1, 'a part of the path'],
    ['no container image', "{ type: push, to: 'localhost:1/a' }", 2, 'only container images can be pushed'],
  ])('%s', async (_, post, code, text) => {
    const project = new PostProject(`  - { type: rootfs-tar, compression: none, post: [${post}] }`);
    const result = await project.run('build', '--ui=plain');
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toContain(text);
    expect(result.stderr).toMatch(/pipelines\/web\.yaml:\d+:\d+/);
    if (code === 1)
      expect(project.outputs().filter((name) => name !== 'web.tar' && name !== 'web.tar.sha256')).toEqual([]);
  });

  test.each<[string, string]>([
    ['minisign', '{ type: sign, method: minisign, secret: key }'],
    ['xz', '{ type: compress, method: xz }'],
    ['skopeo', "{ type: push, to: 'localhost:1/a' }"],
  ])('a program that is not installed is named: %s', async (program, post) => {
    const project = new PostProject(`  - { type: oci, post: [${post}] }`, {
      head: 'secrets: { key: { env: SIGNING_KEY } }',
    });
    // A folder with all programs but this one.
    const hide = `mkdir bin; for d in /usr/sbin /usr/bin; do ln -s $d/* bin/ 2>/dev/null || :; done; rm bin/${program}`;
    execFileSync('sh', ['-c', hide], { cwd: project.directory });
    const empty = project.path('empty');
    mkdirSync(empty);
    const wrapper = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'for d in /usr/local/sbin /usr/sbin /sbin; do mount --bind "$0" $d; done; exec "$@"',
      empty,
    ];
    const env = { PATH: project.path('bin'), SIGNING_KEY: 'x'.repeat(20) };
    const result = await project.start(['build', '--ui=plain'], env, wrapper).result;
    expect(result.code, result.stderr).toBe(1);
    expect(result.stderr).toContain(`${program} is not installed`);
    expect(result.stderr).toContain('imgpipe doctor');
  });

  test('two exports that would write one file', async () => {
    const project = new PostProject(`  - { type: rootfs-tar, fileName: image }
  - { type: rootfs-tar, name: again, fileName: image }
`);
    const result = await project.run('validate');
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('would both write image.tar.zst');
    expect(result.stderr).toContain('the first one');
  });

  test('a private key that is none, and what is wrong with it is not its text', async () => {
    const project = new PostProject(
      '  - { type: rootfs-tar, post: [{ type: sign, method: cosign, secret: key }] }',
      { head: 'secrets: { key: { env: SIGNING_KEY } }' },
    );
    const result = await project.start(['build', '--ui=plain'], { SIGNING_KEY: 'hunter2-hunter2' }).result;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('no private key in PEM form');
    expect(result.stderr + result.stdout).not.toContain('hunter2');
  });

  test('a stopped run: the artifact stays, the rest is made by the next one', async () => {
    const project = new PostProject(
      "  - { type: rootfs-tar, compression: none, post: [{ type: shell-local, command: 'touch ../started; echo x >$IMGPIPE_OUTPUT/a; sleep 60', outputs: [a] }] }",
    );
    const started = project.start(['build', '--ui=plain']);
    await expect.poll(() => exists(project.path('started')), { timeout: 20_000 }).toBe(true);
    started.process.kill('SIGINT');
    expect((await started.result).code).toBe(130);
    expect(project.outputs()).toEqual(['web.tar']);
    project.describe(
      "  - { type: rootfs-tar, compression: none, post: [{ type: shell-local, command: 'echo x >$IMGPIPE_OUTPUT/a', outputs: [a] }] }",
    );
    expect((await project.build()).built).toEqual(['rootfs-tar.shell-local']);
  });
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A file of the user in the output folder, which nobody may delete. */
function writeFileNear(project: PostProject, name: string): void {
  project.write(`output/web/${name}`, 'mine');
}
