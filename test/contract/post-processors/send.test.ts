import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import bcrypt from 'bcryptjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KEY_SECRETS, PostProject } from '../../rigs/post-project.ts';
import { startRegistry } from '../../rigs/registry.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

interface Request {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * A web server that keeps what it is sent.
 * @param answer status of the n-th request; 201 when left out
 * @param drops so many requests lose their connection after a few bytes, before any answer
 */
async function startServer(
  answer: (request: Request, n: number) => { status: number; body?: string } | undefined,
  drops = 0,
) {
  const requests: Request[] = [];
  let left = drops;
  const server = createServer((request, response) => {
    if (left > 0) {
      left -= 1;
      request.once('data', () => request.socket.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const got = {
        line: `${request.method} ${request.url}`,
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      requests.push(got);
      const { status, body = '' } = answer(got, requests.length - 1) ?? { status: 201 };
      response.writeHead(status, { ETag: '"x"' }).end(body);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, dropped: () => drops - left };
}

const upload = (fields: string): string =>
  `  - { type: rootfs-tar, compression: none, post: [{ type: checksum }, { type: upload, ${fields} }] }`;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(noWorkspace !== undefined)('upload', () => {
  test('to a folder: whole files, again when one is deleted', async () => {
    const project = new PostProject(upload('to: ../mirror'));
    expect((await project.build()).code).toBe(0);
    expect(project.read('mirror/web.tar.sha256')).toBe(project.read('output/web/web.tar.sha256'));
    execFileSync('sha256sum', ['-c', '--quiet', 'web.tar.sha256'], { cwd: project.path('mirror') });
    expect((await project.build()).built).toEqual([]);
    rmSync(project.path('mirror/web.tar'));
    expect((await project.build()).built).toEqual(['rootfs-tar.upload']);
  });

  test('by PUT: tried again when the server is busy, the token in no file and no message', async () => {
    const server = await startServer((_, n) => (n === 0 ? { status: 503 } : undefined));
    const project = new PostProject(
      upload(`to: '${server.url}/a b', headers: { X-Job: '7' }, secretHeaders: { Authorization: token }`),
      { head: 'secrets: { token: { env: TOKEN } }' },
    );
    const env = { TOKEN: 'Bearer s3cr3t-s3cr3t' };
    const result = await project.start(['build', '--ui=plain'], env).result;
    expect(result.code, result.stderr).toBe(0);
    expect(server.requests.map(({ line }) => line)).toEqual([
      'PUT /a%20b/web.tar',
      'PUT /a%20b/web.tar',
      'PUT /a%20b/web.tar.sha256',
    ]);
    const [, sent] = server.requests;
    expect(sent?.headers).toMatchObject({ authorization: env.TOKEN, 'x-job': '7' });
    expect(sha256(sent?.body ?? Buffer.alloc(0))).toBe(sha256(readFileSync(join(project.output, 'web.tar'))));
    expect(result.stdout + result.stderr).not.toContain('s3cr3t');
    expect(project.cacheHolds('s3cr3t')).toBe(false);
    const again = await project.start(['build', '--ui=plain'], env).result;
    expect(again.stdout).not.toContain('upload');
    expect(server.requests).toHaveLength(3);
  });

  test('a connection that is lost half-way: the whole file is sent again, by PUT and to S3', async () => {
    for (const fields of [
      (url: string) => `to: '${url}/web'`,
      (url: string) =>
        `to: 's3://images/web', endpoint: '${url}', pathStyle: true, accessKey: id, secretKey: id`,
    ]) {
      const server = await startServer(() => ({ status: 200 }), 2);
      const project = new PostProject(upload(fields(server.url)), {
        head: 'secrets: { id: { env: S3_ID } }',
      });
      const result = await project.start(['build', '--ui=plain'], { S3_ID: 'AKIATEST-AKIATEST' }).result;
      expect(result.code, result.stderr).toBe(0);
      expect(server.dropped()).toBe(2);
      const sent = server.requests.find(({ line }) => line.includes('/web.tar') && !line.includes('sha256'));
      expect(sha256(sent?.body ?? Buffer.alloc(0))).toBe(
        sha256(readFileSync(join(project.output, 'web.tar'))),
      );
    }
  });

  test('a server that says no is not asked again', async () => {
    const server = await startServer(() => ({ status: 403, body: 'go away' }));
    const project = new PostProject(upload(`to: '${server.url}'`));
    const result = await project.run('build', '--ui=plain');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('answered 403');
    expect(result.stderr).toContain('go away');
    expect(result.stderr).toContain('secretHeaders');
    expect(server.requests).toHaveLength(1);
    expect(project.outputs()).toEqual(['web.tar', 'web.tar.sha256']);
  });

  test('to S3: signed requests with the secrets, path style, prefix', async () => {
    const server = await startServer(() => ({ status: 200 }));
    const project = new PostProject(
      upload(
        `to: 's3://images/web/1', endpoint: '${server.url}', pathStyle: true, accessKey: id, secretKey: key, acl: public-read`,
      ),
      { head: 'secrets: { id: { env: S3_ID }, key: { env: S3_KEY } }' },
    );
    const env = { S3_ID: 'AKIATEST', S3_KEY: 'topsecret-topsecret' };
    const result = await project.start(['build', '--ui=plain'], env).result;
    expect(result.code, result.stderr).toBe(0);
    expect(server.requests.map(({ line }) => line.replace(/\?.*/, ''))).toEqual([
      'PUT /images/web/1/web.tar',
      'PUT /images/web/1/web.tar.sha256',
    ]);
    const [first] = server.requests;
    expect(first?.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/us-east-1\/s3/,
    );
    expect(first?.headers['x-amz-acl']).toBe('public-read');
    expect(sha256(first?.body ?? Buffer.alloc(0))).toBe(
      sha256(readFileSync(join(project.output, 'web.tar'))),
    );
    expect(project.cacheHolds('topsecret')).toBe(false);
  });

  test('to S3: a bucket that is not there is named', async () => {
    const body = '<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>';
    const server = await startServer(() => ({ status: 404, body }));
    const project = new PostProject(
      upload(`to: 's3://images/', endpoint: '${server.url}', pathStyle: true, accessKey: id, secretKey: id`),
      { head: 'secrets: { id: { env: S3_ID } }' },
    );
    const result = await project.start(['build', '--ui=plain'], { S3_ID: 'AKIATEST-AKIATEST' }).result;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`was not taken by s3://images/ at ${server.url}: NoSuchBucket: gone`);
    expect(result.stderr).toContain('Make the bucket first');
  });
});

describe.skipIf(noWorkspace !== undefined)('push to a registry', () => {
  test('OCI and Docker images, read back by skopeo and umoci; layers that are there are not sent again', async () => {
    const registry = await startRegistry();
    const exports = `  - { type: oci, cmd: [/bin/sh], labels: { a: b }, post: [{ type: push, to: '${registry.host}/t/web', tags: ['1.0', latest], signingKey: cosign_key }] }
  - { type: oci, name: layout, form: folder, post: [{ type: push, to: '${registry.host}/t/layout' }] }
  - { type: docker-archive, tag: 'web:1', post: [{ type: push, to: '${registry.host}/t/docker' }] }
`;
    const project = new PostProject(exports, { head: KEY_SECRETS });
    project.addKeys();
    const result = await project.build();
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const inspect = (image: string, ...flags: string[]): unknown =>
      JSON.parse(
        project.tool(
          'skopeo',
          'inspect',
          '--tls-verify=false',
          ...flags,
          `docker://${registry.host}/${image}`,
        ),
      );
    const reference = project.read('output/web/web.oci.tar.reference').trim();
    const digest = reference.slice(reference.indexOf('@') + 1);
    expect(inspect('t/web:1.0')).toMatchObject({ Digest: digest, Labels: { a: 'b' }, Architecture: 'amd64' });
    expect(inspect('t/web:latest')).toMatchObject({ Digest: digest });
    expect(inspect('t/docker:latest')).toMatchObject({ Os: 'linux' });
    expect(JSON.stringify(inspect('t/layout', '--raw'))).toContain('tar+gzip');

    // The folder is a layout itself.
    const copy = project.path('layout');
    project.tool('umoci', 'unpack', '--image', `${join(project.output, 'web-layout.oci')}:latest`, copy);
    expect(readFileSync(join(copy, 'rootfs/srv/page'), 'utf8')).toHaveLength(20_000);

    // The signature as cosign looks for it.
    const signature = inspect(`t/web:${digest.replace(':', '-')}.sig`, '--raw') as {
      layers: { digest: string; annotations: Record<string, string> }[];
    };
    const [layer] = signature.layers;
    const blob = await fetch(`http://${registry.host}/v2/t/web/blobs/${layer?.digest}`);
    const payload = await blob.text();
    expect(JSON.parse(payload)).toMatchObject({ critical: { image: { 'docker-manifest-digest': digest } } });
    project.write('payload', payload);
    execFileSync('sh', [
      '-c',
      'echo "$1" | base64 -d >"$2/sig" && openssl dgst -sha256 -verify "$2/keys/cosign.pub" -signature "$2/sig" "$2/payload"',
      'sh',
      layer?.annotations['dev.cosignproject.cosign/signature'] ?? '',
      project.directory,
    ]);

    expect((await project.build()).built).toEqual([]);
    const before = registry.requests().length;
    project.describe(exports, {
      head: KEY_SECRETS,
      steps: '  - { type: file, name: more, path: /more, content: more }',
    });
    const changed = await project.build('-only=web/oci');
    expect(changed.built).toContain('oci.push');
    const sent = registry
      .requests()
      .slice(before)
      .filter((line) => line.startsWith('PUT /v2/t/web/blobs/'));
    // One layer, the seal (which lists what it found), the configuration, and two of the signature.
    expect(sent.length).toBeLessThanOrEqual(5);
  });

  test('a login by secrets; a wrong one is told without the password', async () => {
    const registry = await startRegistry(`ci:${await bcrypt.hash('pass-pass-pass', 4)}\n`);
    const project = new PostProject(
      `  - { type: oci, post: [{ type: push, to: '${registry.host}/web', user: ci, password: word }] }`,
      { head: 'secrets: { word: { env: WORD } }' },
    );
    const wrong = await project.start(['build', '--ui=plain'], { WORD: 'wrong-wrong-wrong' }).result;
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/authentication required|unauthorized/);
    expect(wrong.stderr + wrong.stdout).not.toContain('wrong-wrong');
    const right = await project.start(['build', '--ui=plain'], { WORD: 'pass-pass-pass' }).result;
    expect(right.code, right.stderr).toBe(0);
    expect(project.cacheHolds('pass-pass')).toBe(false);
    expect(project.cacheHolds(Buffer.from('ci:pass-pass-pass').toString('base64'))).toBe(false);
  });
});
