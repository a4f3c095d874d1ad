import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseGoDuration } from '../packer-kinds/go-duration.ts';
import { type ServerResponse, type TlsSettings, getFromServer, goBool, setText } from './server-request.ts';
import type { ServerEnvironment } from './server-questions.ts';

const SECRET = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  warnings: z.array(z.string()).nullish(),
});
const ERRORS = z.object({ errors: z.array(z.string()) });

const DEFAULT_ADDRESS = 'https://127.0.0.1:8200';
const DEFAULT_TIMEOUT = 60_000;
const DEFAULT_RETRIES = 2;
/** Milliseconds between attempts, as the client of Vault waits at least. */
const RETRY_PAUSE = 1000;

/**
 * Reads one key of a secret of Vault's KV store, version 1 or 2. Address, token, namespace and certificates come from
 * the environment as with Vault's own client. Throws errors in Packer's words.
 */
export async function readVaultSecret(
  { path, key }: { readonly path: string; readonly key: string },
  environment: ServerEnvironment,
  signal: AbortSignal,
  pause = RETRY_PAUSE,
): Promise<string> {
  if (setText(environment['VAULT_TOKEN']) === undefined)
    throw new Error('Must set VAULT_TOKEN env var in order to use vault template function');
  const secret = await readSecret(path, environment, signal, pause).catch((cause: unknown) => {
    throw new Error(`Error reading vault secret: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  });
  if (secret === undefined) throw new Error('Vault Secret does not exist at the given path');
  const data = secret.data ?? {};
  if ('data' in data) {
    // Version 2 keeps the values one level deeper, beside their metadata.
    const inner = z.record(z.string(), z.unknown()).safeParse(data['data']);
    if (inner.success && Object.hasOwn(inner.data, key)) return textOf(inner.data[key], key);
    throw new Error('Vault path does not contain the requested key');
  }
  if (Object.hasOwn(data, key)) return textOf(data[key], key);
  throw new Error(
    `Vault data was empty at the given path. Check the Vault function docs for help: https://www.packer.io/docs/templates/hcl_templates/functions/contextual/vault. Original warnings from Vault call: ${(secret.warnings ?? []).join('; ')}`,
  );
}

function textOf(value: unknown, key: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`the value of the key ${JSON.stringify(key)} in Vault is not a text`);
}

async function readSecret(
  path: string,
  environment: ServerEnvironment,
  signal: AbortSignal,
  pause: number,
): Promise<z.infer<typeof SECRET> | undefined> {
  const { url, socket } = address(environment, path);
  const response = await withRetries(environment, signal, pause, () => get(url, socket, environment, signal));
  const body = jsonOf(response.body);
  const secret = SECRET.safeParse(body);
  if (response.status === 404) {
    // A version that was deleted still has metadata.
    const { data, warnings } = secret.data ?? {};
    return Object.keys(data ?? {}).length > 0 || (warnings ?? []).length > 0 ? secret.data : undefined;
  }
  if (response.status < 200 || response.status >= 400) throw new Error(apiError(url, response, body));
  if (!secret.success) throw new Error(`the answer of ${url.origin} is not one of Vault's`);
  return secret.data;
}

/** `VAULT_AGENT_ADDR` beats `VAULT_ADDR`; `unix://` names a socket of this machine. */
function address(
  environment: ServerEnvironment,
  path: string,
): { readonly url: URL; readonly socket?: string } {
  const given =
    setText(environment['VAULT_AGENT_ADDR']) ?? setText(environment['VAULT_ADDR']) ?? DEFAULT_ADDRESS;
  const socket = given.startsWith('unix://') ? given.slice('unix://'.length) : undefined;
  const base = socket === undefined ? given : 'http://localhost';
  const text = base.includes('://') ? base : `http://${base}`;
  if (!URL.canParse(text)) throw new Error(`parse ${JSON.stringify(given)}: it is no address of a server`);
  const url = new URL(text);
  url.pathname = [...url.pathname.split('/'), 'v1', ...path.split('/')]
    .filter((part) => part !== '')
    .map((part) => `/${encodeURIComponent(part)}`)
    .join('');
  return socket === undefined ? { url } : { url, socket };
}

async function get(
  url: URL,
  socket: string | undefined,
  environment: ServerEnvironment,
  signal: AbortSignal,
): Promise<ServerResponse> {
  const namespace = setText(environment['VAULT_NAMESPACE']);
  const request = {
    ...(socket !== undefined && { socket }),
    headers: {
      'X-Vault-Request': 'true',
      'X-Vault-Token': environment['VAULT_TOKEN'] ?? '',
      ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
    },
    tls: tlsOf(environment),
    signal,
    timeout: timeoutOf(environment['VAULT_CLIENT_TIMEOUT']),
  };
  const response = await getFromServer({ ...request, url });
  if (![301, 302, 307].includes(response.status) || response.location === undefined) return response;
  // A standby names the active server, once; the token must not go from TLS to plain text.
  const next = new URL(response.location, url);
  if (url.protocol === 'https:' && next.protocol !== 'https:')
    throw new Error('redirect would cause protocol downgrade');
  return await getFromServer({ ...request, url: next });
}

const tlsOf = (environment: ServerEnvironment): TlsSettings => ({
  caFile: setText(environment['VAULT_CACERT']),
  caFolder: setText(environment['VAULT_CAPATH']),
  certificateFile: setText(environment['VAULT_CLIENT_CERT']),
  keyFile: setText(environment['VAULT_CLIENT_KEY']),
  serverName: setText(environment['VAULT_TLS_SERVER_NAME']),
  isUnchecked: goBool(setText(environment['VAULT_SKIP_VERIFY'])) ?? false,
});

/** Seconds as a number, or a duration such as `90s`. */
function timeoutOf(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_TIMEOUT;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const parsed = parseGoDuration(text);
  if ('milliseconds' in parsed) return parsed.milliseconds;
  throw new Error('could not parse VAULT_CLIENT_TIMEOUT');
}

/** Connections that fail and servers that are not well are tried again, `VAULT_MAX_RETRIES` times. */
async function withRetries(
  environment: ServerEnvironment,
  signal: AbortSignal,
  pause: number,
  attempt: () => Promise<ServerResponse>,
): Promise<ServerResponse> {
  const most = Number(setText(environment['VAULT_MAX_RETRIES']) ?? DEFAULT_RETRIES);
  for (let count = 0; ; count += 1) {
    const isLast = count >= most;
    try {
      const response = await attempt();
      const isUnwell = (response.status >= 500 && response.status !== 501) || response.status === 412;
      if (!isUnwell || isLast) return response;
    } catch (cause) {
      if (isLast || signal.aborted) throw cause;
    }
    await sleep(pause, undefined, { signal });
  }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** As Vault's client words what the server refuses. */
function apiError(url: URL, { status, body }: ServerResponse, json: unknown): string {
  const head = `Error making API request.\n\nURL: GET ${url.href}\nCode: ${status}. `;
  const errors = ERRORS.safeParse(json);
  if (!errors.success) return `${head}Raw Message:\n\n${body.toString('utf8')}`;
  return `${head}Errors:\n\n${errors.data.errors.map((text) => `* ${text}`).join('\n')}`;
}
