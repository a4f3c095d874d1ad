import { readFileSync, readdirSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { type RequestOptions, request as requestSecure } from 'node:https';
import path from 'node:path';
import { rootCertificates } from 'node:tls';

export interface ServerRequest {
  readonly url: URL;
  /** A socket of this machine in the place of the host of `url`. */
  readonly socket?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?: TlsSettings;
  readonly signal: AbortSignal;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
}

/** Files and switches as the environment of HashiCorp's clients names them. */
export interface TlsSettings {
  readonly caFile?: string | undefined;
  readonly caFolder?: string | undefined;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly serverName?: string | undefined;
  readonly isUnchecked: boolean;
}

export interface ServerResponse {
  readonly status: number;
  readonly body: Buffer;
  readonly location: string | undefined;
}

/** Largest answer that is read: what these servers store is far smaller. */
const MOST_BYTES = 32 * 2 ** 20;

/** One GET. Throws the error of the connection, worded as Go's clients do where scripts may know it. */
export async function getFromServer(request: ServerRequest): Promise<ServerResponse> {
  const { url, socket, headers, tls, timeout } = request;
  const isSecure = url.protocol === 'https:';
  const options: RequestOptions = {
    headers,
    signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]),
    ...(socket !== undefined && { socketPath: socket }),
    ...(isSecure && tls !== undefined && tlsOptions(tls)),
  };
  try {
    return await new Promise<ServerResponse>((resolve, reject) => {
      const send = isSecure ? requestSecure : requestPlain;
      const sent = send(url, options, (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          size += part.length;
          if (size > MOST_BYTES) response.destroy(new Error('the answer is too large'));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(parts),
            location: response.headers.location,
          }),
        );
      });
      sent.on('error', reject);
      sent.end();
    });
  } catch (cause) {
    request.signal.throwIfAborted();
    throw new Error(`Get ${JSON.stringify(url.href)}: ${describe(cause, url)}`, { cause });
  }
}

function tlsOptions(tls: TlsSettings): RequestOptions {
  const { caFile, caFolder, certificateFile, keyFile, serverName } = tls;
  const trusted = [
    ...(caFile === undefined ? [] : [readFileSync(caFile, 'utf8')]),
    ...(caFolder === undefined
      ? []
      : readdirSync(caFolder).map((name) => readFileSync(path.join(caFolder, name), 'utf8'))),
  ];
  return {
    rejectUnauthorized: !tls.isUnchecked,
    ca: trusted.length === 0 ? [...rootCertificates] : trusted,
    ...(certificateFile !== undefined && { cert: readFileSync(certificateFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

function describe(cause: unknown, url: URL): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError')
    return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const code = 'code' in cause ? String(cause.code) : '';
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  if (code === 'ECONNREFUSED') return `dial tcp ${url.hostname}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${url.hostname}: no such host`;
  return cause.message;
}

/** A variable's text; undefined when it is not set or empty. */
export const setText = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

/** Go's `strconv.ParseBool`; undefined for anything else. */
export function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(text) ? false : undefined;
}
