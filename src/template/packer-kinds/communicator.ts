import path from 'node:path';
import type * as z from 'zod';
import { expandHome } from '../../util/home-folder.ts';
import { privateKeyFault, type PrivateKeyFault } from '../../util/private-key.ts';
import { type CheckWorld, type ComponentOptions, isSet, listOption, textOption } from './component.ts';
import { duration, flag, text, textList, whole } from './fields.ts';

/** Options of the way into the machine that every builder has. */
export const COMMUNICATOR_OPTIONS = {
  communicator: text('How the machine is reached: ssh, winrm, none, or docker for containers.'),
  pause_before_connecting: duration('Wait this long before the first connection.'),
  ssh_host: text('Address of the machine; builders that start one find it themselves.'),
  ssh_port: whole('TCP port of SSH; 22 when left out.'),
  ssh_username: text('Account to log in with.'),
  ssh_password: text('Password to log in with.'),
  ssh_keypair_name: text('Name of a key pair that the cloud already has.'),
  temporary_key_pair_name: text('Name of the key pair made for this build.'),
  temporary_key_pair_type: text('Kind of the key made for this build: rsa, ecdsa, ed25519 or dsa.'),
  temporary_key_pair_bits: whole('Length of the key made for this build.'),
  ssh_ciphers: textList('Ciphers to offer.'),
  ssh_clear_authorized_keys: flag('Remove the key made for this build from the machine at the end.'),
  ssh_key_exchange_algorithms: textList('Key exchange methods to offer.'),
  ssh_private_key_file: text('Private key to log in with.'),
  ssh_certificate_file: text('Certificate that belongs to the private key.'),
  ssh_pty: flag('Run commands on a pseudo terminal.'),
  ssh_timeout: duration('Give up when no connection came about in this time.'),
  ssh_wait_timeout: duration('Older name of ssh_timeout.'),
  ssh_agent_auth: flag('Log in with the keys of the running agent.'),
  ssh_disable_agent_forwarding: flag('Keep the running agent away from the machine.'),
  ssh_handshake_attempts: whole('Give up after this many failed log-ins.'),
  ssh_bastion_host: text('Machine through which the connection goes.'),
  ssh_bastion_port: whole('TCP port of the bastion; 22 when left out.'),
  ssh_bastion_agent_auth: flag('Log in to the bastion with the keys of the running agent.'),
  ssh_bastion_username: text('Account on the bastion.'),
  ssh_bastion_password: text('Password on the bastion.'),
  ssh_bastion_interactive: flag('Answer questions of the bastion with the password.'),
  ssh_bastion_private_key_file: text('Private key for the bastion; that of the machine when left out.'),
  ssh_bastion_certificate_file: text('Certificate that belongs to the key of the bastion.'),
  ssh_file_transfer_method: text('How files are copied: scp or sftp.'),
  ssh_proxy_host: text('SOCKS5 proxy through which the connection goes.'),
  ssh_proxy_port: whole('TCP port of the proxy; 1080 when left out.'),
  ssh_proxy_username: text('Account on the proxy.'),
  ssh_proxy_password: text('Password on the proxy.'),
  ssh_keep_alive_interval: duration('Time between two signs of life; negative for none.'),
  ssh_read_write_timeout: duration('Give up when nothing came for this long.'),
  ssh_remote_tunnels: textList('Tunnels from the machine to here: PORT:HOST:PORT.'),
  ssh_local_tunnels: textList('Tunnels from here to the machine: PORT:HOST:PORT.'),
  ssh_public_key: text('Public key, set by the builder.'),
  ssh_private_key: text('Private key, set by the builder.'),
  winrm_username: text('Account for WinRM.'),
  winrm_password: text('Password for WinRM.'),
  winrm_host: text('Address of the machine for WinRM.'),
  winrm_no_proxy: flag('Reach the machine without the proxy of the environment.'),
  winrm_port: whole('TCP port of WinRM; 5985, with TLS 5986, when left out.'),
  winrm_timeout: duration('Give up when no connection came about in this time; 30 minutes when left out.'),
  winrm_use_ssl: flag('Use HTTPS.'),
  winrm_insecure: flag('Accept any certificate.'),
  winrm_use_ntlm: flag('Log in by NTLM.'),
} satisfies z.ZodRawShape;

const KEY_FAULTS: Readonly<Record<PrivateKeyFault, (name: string) => string>> = {
  'no-key': (name) => `Failed to read key '${name}': no key found`,
  passphrase: (name) =>
    `Failed to read key '${name}': password protected keys are\nnot supported. Please decrypt the key prior to use.`,
  unreadable: () => 'ssh: the private key cannot be read',
};

/** Everything wrong with the options of the way in, in Packer's words. */
export function checkCommunicator(options: ComponentOptions, world: CheckWorld): string[] {
  const type = textOption(options, 'communicator') || 'ssh';
  if (type === 'ssh') return checkSsh(options, world);
  if (type === 'winrm') {
    return isSet(options, 'winrm_username') ? [] : ['winrm_username must be specified.'];
  }
  if (type === 'docker' || type === 'dockerWindowsContainer' || type === 'none') return [];
  return [`Communicator type ${type} is invalid`];
}

function checkSsh(options: ComponentOptions, world: CheckWorld): string[] {
  const errors: string[] = [];
  const set = (name: string): boolean => isSet(options, name);
  for (const prefix of ['ssh_', 'ssh_bastion_']) {
    if (set(`${prefix}certificate_file`) && !set(`${prefix}private_key_file`)) {
      errors.push(`${prefix}private_key_file must be specified if ${prefix}certificate_file is specified`);
    }
  }
  if (!set('ssh_username')) {
    errors.push(
      'An ssh_username must be specified\n  Note: some builders used to default ssh_username to "root".',
    );
  }
  errors.push(...checkKeyFile('ssh_private_key_file', textOption(options, 'ssh_private_key_file'), world));
  if (set('ssh_bastion_host')) {
    const key =
      textOption(options, 'ssh_bastion_private_key_file') || textOption(options, 'ssh_private_key_file');
    if (key === '' && !set('ssh_bastion_password') && !set('ssh_bastion_agent_auth')) {
      errors.push(
        'ssh_bastion_password, ssh_bastion_private_key_file or ssh_bastion_agent_auth must be specified',
      );
    }
    errors.push(...checkKeyFile('ssh_bastion_private_key_file', key, world));
  }
  const method = textOption(options, 'ssh_file_transfer_method') || 'scp';
  if (method !== 'scp' && method !== 'sftp') {
    errors.push(`ssh_file_transfer_method ('${method}') is invalid, valid methods: sftp, scp`);
  }
  if (set('ssh_bastion_host') && set('ssh_proxy_host')) {
    errors.push('please specify either ssh_bastion_host or ssh_proxy_host, not both');
  }
  for (const name of ['ssh_local_tunnels', 'ssh_remote_tunnels']) {
    for (const tunnel of listOption(options, name)) {
      if (!/^[^:]+:[^:]*:[^:]+$/.test(tunnel)) {
        errors.push(`${name} ('${tunnel}') is invalid: expected 3 colon-delimited fields`);
      }
    }
  }
  return errors;
}

function checkKeyFile(name: string, file: string, world: CheckWorld): string[] {
  if (file === '') return [];
  const expanded = expandHome(file, world.homeDirectory);
  const absolute = path.resolve(world.workingDirectory, expanded);
  if (world.files.kind(absolute) === undefined)
    return [`${name} is invalid: stat ${expanded}: no such file or directory`];
  const fault = faultOf(absolute, world);
  return fault === undefined ? [] : [`${name} is invalid: Error setting up SSH config: ${fault(expanded)}`];
}

/** What the file holds, in Packer's words by the file's name. */
function faultOf(file: string, { files }: CheckWorld): ((name: string) => string) | undefined {
  try {
    const fault = privateKeyFault(Buffer.from(files.read(file)).toString('utf8'));
    return fault === undefined ? undefined : KEY_FAULTS[fault];
  } catch (error) {
    return () => (error instanceof Error ? error.message : String(error));
  }
}
