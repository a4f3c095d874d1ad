import { readFile } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { expandHome } from '../../util/home-folder.ts';
import { privateKeyFault, type PrivateKeyFault } from '../../util/private-key.ts';
import type { SshOptions } from './options.ts';
import type { SshCommunicatorOptions } from './ssh-communicator.ts';
import type { SshKeyPair } from './ssh-key.ts';
import type { SshPrompt, SshRoute, SshTarget } from './ssh-target.ts';

/** What the options alone do not say. */
export interface SshSurroundings {
  /** Where the builder's machine is; wins over `ssh_host` and `ssh_port`. */
  readonly address?: { readonly host: string; readonly port: number };
  /** The key made for this build, when there is one. */
  readonly temporaryKey?: SshKeyPair;
  /** `SSH_AUTH_SOCK` of the user. */
  readonly agent?: string;
  /** Asks the user, for `ssh_bastion_interactive`. */
  readonly prompt?: SshPrompt;
  readonly resolvePath: (path: string) => string;
}

const TIMEOUT_MS = 5 * 60_000;
const HANDSHAKES = 10;

/**
 * The target that options and surroundings make together; reads the key files.
 * @throws FailureError `template-invalid`, `input-missing`
 */
export async function targetFromOptions(
  options: SshOptions,
  surroundings: SshSurroundings,
): Promise<SshTarget> {
  const { address, temporaryKey, agent } = surroundings;
  const host = address?.host ?? options.ssh_host;
  if (host === undefined) throw missing('ssh_host', 'nothing says where the machine is');
  if (options.ssh_username === undefined) throw missing('ssh_username', 'nothing says who logs in');
  if (options.ssh_agent_auth && agent === undefined) throw noAgent('ssh_agent_auth');
  const key = await read('ssh_private_key_file', options, surroundings);
  const certificate = await read('ssh_certificate_file', options, surroundings);
  const { ssh_host_key: keys } = options;
  const route = await routeFromOptions(options, surroundings);
  return {
    host,
    port: address?.port ?? options.ssh_port,
    user: options.ssh_username,
    ...set('privateKey', key ?? temporaryKey?.privateKey),
    ...set('certificate', certificate),
    ...set('password', options.ssh_password),
    ...set('agent', options.ssh_agent_auth ? agent : undefined),
    ...set('forwardAgent', options.ssh_disable_agent_forwarding ? undefined : agent),
    ...set('ciphers', options.ssh_ciphers),
    ...set('keyExchanges', options.ssh_key_exchange_algorithms),
    ...set('hostKey', keys === undefined ? undefined : ({ type: 'pinned', keys } as const)),
    ...set('route', route),
    keepAliveMs: options.ssh_keep_alive_interval,
    idleTimeoutMs: options.ssh_read_write_timeout,
  };
}

/** What a communicator is told besides its target. The defaults of time and tries apply only when neither is set. */
export function communicatorFromOptions(
  options: SshOptions,
): Omit<SshCommunicatorOptions, 'signal' | 'onRetry' | 'onHostKeyChange'> {
  // As in Packer: the older name wins, and 0 is as good as nothing.
  const timeout = options.ssh_wait_timeout || options.ssh_timeout || undefined;
  const attempts = options.ssh_handshake_attempts;
  const isPlain = timeout === undefined && attempts === undefined;
  return {
    timeoutMs: timeout ?? (isPlain ? TIMEOUT_MS : Infinity),
    ...set('handshakeAttempts', attempts ?? (isPlain ? HANDSHAKES : undefined)),
    pty: options.ssh_pty,
    transfer: options.ssh_file_transfer_method === 'sftp' ? 'sftp' : 'any',
    localTunnels: options.ssh_local_tunnels,
    remoteTunnels: options.ssh_remote_tunnels,
  };
}

/**
 * Looks at the agent and the key files that the options name, so that what cannot serve is told before a machine is
 * started.
 * @throws FailureError `input-missing`, `template-invalid`
 */
export async function checkLogin(
  options: SshOptions,
  surroundings: Pick<SshSurroundings, 'agent' | 'resolvePath'>,
): Promise<void> {
  for (const field of ['ssh_agent_auth', 'ssh_bastion_agent_auth'] as const)
    if (options[field] && surroundings.agent === undefined) throw noAgent(field);
  for (const field of KEY_FIELDS) {
    const text = await read(field, options, surroundings);
    const fault = text === undefined ? undefined : privateKeyFault(text);
    if (fault === undefined) continue;
    throw new FailureError({
      reason: 'template-invalid',
      message: `${field}: ${options[field]} ${FAULTS[fault].message}`,
      hint: FAULTS[fault].hint,
    });
  }
  for (const field of CERTIFICATE_FIELDS) await read(field, options, surroundings);
}

const KEY_FIELDS = ['ssh_private_key_file', 'ssh_bastion_private_key_file'] as const;
const CERTIFICATE_FIELDS = ['ssh_certificate_file', 'ssh_bastion_certificate_file'] as const;

const FAULTS: Readonly<Record<PrivateKeyFault, { readonly message: string; readonly hint: string }>> = {
  'no-key': {
    message: 'holds no private key',
    hint: 'name the file without `.pub`, in OpenSSH or PEM form',
  },
  passphrase: {
    message: 'has a passphrase',
    hint: 'take a key without one, or add it to an SSH agent and set `ssh_agent_auth: true`',
  },
  unreadable: {
    message: 'holds a private key that cannot be read',
    hint: 'see what `ssh-keygen -y -f FILE` says of it',
  },
};

async function routeFromOptions(
  options: SshOptions,
  surroundings: SshSurroundings,
): Promise<SshRoute | undefined> {
  const { ssh_proxy_host: proxy, ssh_bastion_host: bastion } = options;
  if (proxy !== undefined) {
    return {
      type: 'socks5',
      host: proxy,
      port: options.ssh_proxy_port,
      ...set('user', options.ssh_proxy_username),
      ...set('password', options.ssh_proxy_password),
    };
  }
  if (bastion === undefined) return undefined;
  const { ssh_bastion_username: user } = options;
  if (user === undefined) throw missing('ssh_bastion_username', 'nothing says who logs in to the bastion');
  if (options.ssh_bastion_agent_auth && surroundings.agent === undefined)
    throw noAgent('ssh_bastion_agent_auth');
  const ownKey = options.ssh_bastion_private_key_file !== undefined;
  const key = await read(
    ownKey ? 'ssh_bastion_private_key_file' : 'ssh_private_key_file',
    options,
    surroundings,
  );
  const certificate = await read(
    ownKey ? 'ssh_bastion_certificate_file' : 'ssh_certificate_file',
    options,
    surroundings,
  );
  const target: SshTarget = {
    host: bastion,
    port: options.ssh_bastion_port,
    user,
    ...set('privateKey', key),
    ...set('certificate', certificate),
    ...set('password', options.ssh_bastion_password),
    ...set('agent', options.ssh_bastion_agent_auth ? surroundings.agent : undefined),
    ...set('prompt', options.ssh_bastion_interactive ? surroundings.prompt : undefined),
    keepAliveMs: options.ssh_keep_alive_interval,
    // All that comes from the machine comes through this connection.
    idleTimeoutMs: options.ssh_read_write_timeout,
  };
  return { type: 'bastion', target };
}

type FileField = (typeof KEY_FIELDS)[number] | (typeof CERTIFICATE_FIELDS)[number];

async function read(
  field: FileField,
  options: SshOptions,
  { resolvePath }: Pick<SshSurroundings, 'resolvePath'>,
): Promise<string | undefined> {
  const path = options[field];
  if (path === undefined) return undefined;
  try {
    return await readFile(resolvePath(expandHome(path)), 'utf8');
  } catch (error) {
    throw new FailureError({
      reason: 'input-missing',
      message: `${field}: ${path} cannot be read`,
      cause: error,
    });
  }
}

/** A field that is left out when it has no value. */
function set<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

function missing(field: string, message: string): FailureError {
  return new FailureError({ reason: 'template-invalid', message, hint: `set \`${field}\`` });
}

function noAgent(field: string): FailureError {
  return new FailureError({
    reason: 'input-missing',
    message: `${field} is set, but no SSH agent runs here`,
    hint: 'start one and set SSH_AUTH_SOCK, or give a key file',
  });
}
