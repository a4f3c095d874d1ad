import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { getFromServer, goBool, setText } from './server-request.ts';
import type { ServerEnvironment } from './server-questions.ts';

const PAIRS = z.array(z.object({ Value: z.string().nullish() })).min(1);

const DEFAULT_ADDRESS = '127.0.0.1:8500';
/** Consul's client waits for ever; so long does nobody wait for a value that is there. */
const TIMEOUT = 60_000;

/**
 * Reads one key of Consul's KV store. Address, token and certificates come from the environment as with Consul's own
 * client. Throws errors in Packer's words.
 */
export async function readConsulKey(
  key: string,
  environment: ServerEnvironment,
  signal: AbortSignal,
): Promise<string> {
  const value = await readPair(key, environment, signal).catch((cause: unknown) => {
    throw new Error(`error reading consul key: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  });
  if (value === undefined) throw new Error(`key does not exist at the given path: ${key}`);
  if (value === '') throw new Error(`value is empty at path ${key}`);
  return value;
}

async function readPair(
  key: string,
  environment: ServerEnvironment,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (key.startsWith('/')) throw new Error(`Invalid key. Key must not begin with a '/': ${key}`);
  const { url, socket } = address(environment);
  url.pathname = `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`;
  for (const [name, from] of [
    ['ns', 'CONSUL_NAMESPACE'],
    ['partition', 'CONSUL_PARTITION'],
  ] as const) {
    const text = setText(environment[from]);
    if (text !== undefined) url.searchParams.set(name, text);
  }
  const { status, body } = await getFromServer({
    url,
    ...(socket !== undefined && { socket }),
    headers: headersOf(environment),
    tls: {
      caFile: setText(environment['CONSUL_CACERT']),
      caFolder: setText(environment['CONSUL_CAPATH']),
      certificateFile: setText(environment['CONSUL_CLIENT_CERT']),
      keyFile: setText(environment['CONSUL_CLIENT_KEY']),
      serverName: setText(environment['CONSUL_TLS_SERVER_NAME']),
      isUnchecked: goBool(setText(environment['CONSUL_HTTP_SSL_VERIFY'])) === false,
    },
    signal,
    timeout: TIMEOUT,
  });
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`Unexpected response code: ${status} (${body.toString('utf8')})`);
  const [pair] = PAIRS.parse(JSON.parse(body.toString('utf8')));
  return Buffer.from(pair?.Value ?? '', 'base64').toString('utf8');
}

function address(environment: ServerEnvironment): { readonly url: URL; readonly socket?: string } {
  const given = setText(environment['CONSUL_HTTP_ADDR']) ?? DEFAULT_ADDRESS;
  const split = given.indexOf('://');
  const scheme = split === -1 ? undefined : given.slice(0, split);
  if (scheme === 'unix') return { url: new URL('http://localhost'), socket: given.slice(split + 3) };
  const isSecure = scheme === 'https' || goBool(setText(environment['CONSUL_HTTP_SSL'])) === true;
  const text = `${isSecure ? 'https' : 'http'}://${split === -1 ? given : given.slice(split + 3)}`;
  if ((scheme !== undefined && !/^https?$/.test(scheme)) || !URL.canParse(text))
    throw new Error(`Unknown protocol scheme: ${given}`);
  return { url: new URL(text) };
}

function headersOf(environment: ServerEnvironment): Record<string, string> {
  const file = setText(environment['CONSUL_HTTP_TOKEN_FILE']);
  const token =
    file === undefined ? setText(environment['CONSUL_HTTP_TOKEN']) : readFileSync(file, 'utf8').trim();
  const login = setText(environment['CONSUL_HTTP_AUTH']);
  return {
    ...(token !== undefined && { 'X-Consul-Token': token }),
    ...(login !== undefined && { Authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  };
}
