import * as z from 'zod';
import { durationField } from '../../schema/fields.ts';
import { parseTunnel, type Tunnel } from './tunnels.ts';

const port = z.int().min(1).max(65_535);
const path = z.string().min(1);
const KEEP_ALIVE_MS = 5000;

/** Why a machine cannot be reached in the way that was asked for. */
export const communicatorError = ({ input }: { readonly input?: unknown }): string | undefined =>
  input === 'winrm'
    ? 'WinRM is not part of this version of imgpipe: machines are reached over SSH, which Windows has as well'
    : undefined;

/** A time span that may be negative, as Packer's `-1s` for "off"; gives milliseconds. */
export function signedDuration() {
  return z.union([z.number(), z.string()]).transform((value, context) => {
    const isNegative = typeof value === 'number' ? value < 0 : value.trim().startsWith('-');
    if (isNegative) return -1;
    const parsed = durationField().safeParse(value);
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: parsed.error.issues[0]?.message ?? 'not a duration' });
    return z.NEVER;
  });
}

const tunnel = z.string().transform((text, context): Tunnel => {
  const parsed = parseTunnel(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(text)} is not a tunnel such as 8080:localhost:80`,
  });
  return z.NEVER;
});

/** Options of the SSH communicator by Packer's names; builders put them among their own. */
export const sshFields = {
  pause_before_connecting: durationField()
    .optional()
    .describe(
      'How long to wait once the machine has let the build in; then it connects anew. For machines that restart SSH while they start.',
    ),
  ssh_host: z.string().min(1).optional().describe('Address of the machine. Builders that start it know it.'),
  ssh_port: port.default(22).describe('Port of the SSH server.'),
  ssh_username: z.string().min(1).optional().describe('User who logs in.'),
  ssh_password: z
    .string()
    .optional()
    .meta({ secret: true, description: 'Password; also the answer to what the server asks interactively.' }),
  ssh_keypair_name: z
    .string()
    .optional()
    .describe('Name of a key pair that the cloud knows; its private key is `ssh_private_key_file`.'),
  temporary_key_pair_name: z
    .string()
    .optional()
    .describe('Name of the key pair made for this build in clouds that keep such; without effect elsewhere.'),
  temporary_key_pair_type: z
    .enum(['ed25519', 'ecdsa', 'rsa'])
    .default('ed25519')
    .describe('Kind of the key made for this build when neither key nor password is given.'),
  temporary_key_pair_bits: z
    .int()
    .min(0)
    .default(0)
    .describe('Size of that key: RSA 4096, ECDSA 521 when 0; ed25519 has one size.'),
  ssh_ciphers: z
    .array(z.string())
    .optional()
    .describe('Ciphers to offer, best first. Default: those of OpenSSH.'),
  ssh_key_exchange_algorithms: z
    .array(z.string())
    .optional()
    .describe('Key exchanges to offer, best first. Default: those of OpenSSH.'),
  ssh_clear_authorized_keys: z
    .boolean()
    .default(false)
    .describe(
      'Accepted for Packer templates: the key made for a build is taken out of `authorized_keys` in any case.',
    ),
  ssh_private_key_file: path
    .optional()
    .describe('Private key in OpenSSH or PEM form, without a passphrase. `~/` is the home of the user.'),
  ssh_certificate_file: path.optional().describe('OpenSSH certificate of that key (`id_…-cert.pub`).'),
  ssh_host_key: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Host keys that are good: lines as in a `.pub` file, or fingerprints `SHA256:…`. Default: every key, as in Packer, because a new machine has one that nobody knows.',
    ),
  ssh_pty: z
    .boolean()
    .default(false)
    .describe('Runs commands in a terminal, for a `sudo` that insists on one.'),
  ssh_timeout: durationField()
    .optional()
    .describe(
      'How long to try to connect. Default: 5 minutes, or without end when only `ssh_handshake_attempts` is set.',
    ),
  ssh_wait_timeout: durationField().optional().describe('Older name of `ssh_timeout`.'),
  ssh_handshake_attempts: z
    .int()
    .min(1)
    .optional()
    .describe(
      'How often logging in may fail; a closed port does not count. Default: 10, or without limit when only `ssh_timeout` is set.',
    ),
  ssh_agent_auth: z.boolean().default(false).describe("Logs in with the keys of the user's SSH agent."),
  ssh_disable_agent_forwarding: z
    .boolean()
    .default(false)
    .describe("Does not let commands on the machine use the user's SSH agent."),
  ssh_bastion_host: z.string().min(1).optional().describe('Server through which the machine is reached.'),
  ssh_bastion_port: port.default(22).describe('Port of the bastion.'),
  ssh_bastion_username: z.string().min(1).optional().describe('User who logs in to the bastion.'),
  ssh_bastion_password: z
    .string()
    .optional()
    .meta({ secret: true, description: 'Password for the bastion.' }),
  ssh_bastion_interactive: z
    .boolean()
    .default(false)
    .describe(
      'Passes questions of the bastion (one-time codes) on to the user, where the build runs in a terminal.',
    ),
  ssh_bastion_agent_auth: z
    .boolean()
    .default(false)
    .describe("Logs in to the bastion with the agent's keys."),
  ssh_bastion_private_key_file: path
    .optional()
    .describe('Private key for the bastion. Default: `ssh_private_key_file`.'),
  ssh_bastion_certificate_file: path.optional().describe('OpenSSH certificate of the key for the bastion.'),
  ssh_file_transfer_method: z
    .enum(['scp', 'sftp'])
    .default('scp')
    .describe(
      '`sftp`: SFTP and nothing else. `scp`: whatever works best: one tar stream for folders, SFTP for files, and a plain stream where the server has no SFTP.',
    ),
  ssh_proxy_host: z.string().min(1).optional().describe('SOCKS5 proxy through which the machine is reached.'),
  ssh_proxy_port: port.default(1080).describe('Port of the proxy.'),
  ssh_proxy_username: z.string().optional().describe('User of the proxy.'),
  ssh_proxy_password: z.string().optional().meta({ secret: true, description: 'Password for the proxy.' }),
  ssh_keep_alive_interval: signedDuration()
    .default(KEEP_ALIVE_MS)
    .transform((ms) => (ms === 0 ? KEEP_ALIVE_MS : ms))
    .describe(
      'Time between signs of life; after twelve without an answer the connection is dead. Below 0: none; 0: the default.',
    ),
  ssh_read_write_timeout: durationField()
    .default(0)
    .describe('Longest silence of the connection; answers to signs of life count. 0: no limit.'),
  ssh_remote_tunnels: z
    .array(tunnel)
    .default([])
    .describe('`PORT:HOST:HOSTPORT`: PORT on the machine leads to HOST:HOSTPORT as seen from here.'),
  ssh_local_tunnels: z
    .array(tunnel)
    .default([])
    .describe(
      '`PORT:HOST:HOSTPORT`: PORT on 127.0.0.1 here leads to HOST:HOSTPORT as seen from the machine.',
    ),
} as const;

/** What fits together and what does not; for the `superRefine` of a schema that has `sshFields`. */
export function checkSshOptions(options: SshOptions, context: z.RefinementCtx): void {
  const refuse = (field: keyof SshOptions, message: string): void =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (options.ssh_bastion_host !== undefined && options.ssh_proxy_host !== undefined)
    refuse('ssh_proxy_host', 'a bastion and a proxy exclude each other');
  if (options.ssh_bastion_host !== undefined && options.ssh_bastion_username === undefined)
    refuse('ssh_bastion_host', 'a bastion needs `ssh_bastion_username`');
  if (options.ssh_certificate_file !== undefined && options.ssh_private_key_file === undefined)
    refuse('ssh_certificate_file', 'a certificate needs its key, `ssh_private_key_file`');
  if (
    options.ssh_bastion_certificate_file !== undefined &&
    options.ssh_bastion_private_key_file === undefined
  )
    refuse('ssh_bastion_certificate_file', 'a certificate needs its key, `ssh_bastion_private_key_file`');
  const bastionLogins = [
    options.ssh_bastion_password,
    options.ssh_bastion_private_key_file ?? options.ssh_private_key_file,
    options.ssh_bastion_agent_auth || options.ssh_bastion_interactive || undefined,
  ];
  if (options.ssh_bastion_host !== undefined && bastionLogins.every((means) => means === undefined))
    refuse(
      'ssh_bastion_host',
      'nothing logs in to the bastion: set `ssh_bastion_password`, `ssh_bastion_private_key_file` or `ssh_bastion_agent_auth`',
    );
}

const sshOptions = z.strictObject(sshFields);

/** SSH options as parsed. */
export type SshOptions = z.output<typeof sshOptions>;

/** Options of the SSH communicator alone. */
export const sshSchema = sshOptions.superRefine(checkSshOptions);
