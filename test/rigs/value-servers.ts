import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type RequestListener, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Vault, Consul and AWS Secrets Manager behind one port: each speaks as the real one for the values it is given. */
export interface ValueServers {
  /** `http://127.0.0.1:PORT`. */
  readonly address: string;
  /** `GET /v1/…` or `POST NAME-OF-SECRET`, in the order they came. */
  readonly asked: readonly string[];
  readonly headers: readonly IncomingMessage['headers'][];
}

export interface StoredValues {
  /** Whole answers by path: of KV version 1 `{ data }`, of version 2 `{ data: { data } }`. */
  readonly vault?: Readonly<Record<string, object>>;
  readonly consul?: Readonly<Record<string, string>>;
  readonly aws?: Readonly<Record<string, string>>;
  /** Answers 503 so many times before it is well. */
  readonly unwell?: number;
  /** A folder with `key` and `crt`: serves TLS. */
  readonly tls?: string;
}

export async function startValueServers(stored: StoredValues): Promise<ValueServers> {
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  let unwell = stored.unwell ?? 0;
  const answer: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      const { status, json } = reply(stored, request, body);
      const isUnwell = unwell > 0;
      unwell -= 1;
      headers.push(request.headers);
      asked.push(
        request.method === 'POST' ? `POST ${secretId(body)}` : `${request.method ?? ''} ${request.url ?? ''}`,
      );
      response.writeHead(isUnwell ? 503 : status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isUnwell ? { errors: ['Vault is sealed'] } : json));
    });
  };
  const { tls } = stored;
  const server =
    tls === undefined
      ? createServer(answer)
      : createSecureServer(
          { key: readFileSync(join(tls, 'key')), cert: readFileSync(join(tls, 'crt')) },
          answer,
        );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, asked, headers };
}

const secretId = (body: string): string => (JSON.parse(body) as { SecretId: string }).SecretId;

function reply(
  { vault = {}, consul = {}, aws = {} }: StoredValues,
  request: IncomingMessage,
  body: string,
): { readonly status: number; readonly json: unknown } {
  if (request.method === 'POST') {
    const name = secretId(body);
    const text = aws[name];
    return text === undefined
      ? { status: 400, json: { __type: 'ResourceNotFoundException', message: 'no such secret' } }
      : { status: 200, json: { Name: name, SecretString: text } };
  }
  const path = (request.url ?? '').replace(/^\/v1\//, '').replace(/\?.*/, '');
  const key = path.replace(/^kv\//, '');
  if (Object.hasOwn(consul, key)) {
    return { status: 200, json: [{ Key: key, Value: Buffer.from(consul[key] ?? '').toString('base64') }] };
  }
  if (Object.hasOwn(vault, path)) return { status: 200, json: vault[path] };
  return path.startsWith('denied')
    ? { status: 403, json: { errors: ['permission denied'] } }
    : { status: 404, json: { errors: [] } };
}

/** A key and a certificate of 127.0.0.1, which nobody has signed. */
export function makeCertificate(folder: string): void {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(folder, 'key'),
  ];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', join(folder, 'crt'), '-days', '2', ...subject], {
    stdio: 'ignore',
  });
}
