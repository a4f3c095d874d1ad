import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeSshKey, type SshKeyPair } from '../../src/communicators/ssh/ssh-key.ts';
import { findFreePorts } from '../../src/util/free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Only root can give the server a user with a password, PAM, a full disk and a boot id of its own. */
export const isRoot = process.getuid?.() === 0;

const program = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => join(folder, 'sshd'))
  .find((path) => existsSync(path));

export const noSshd: boolean = program === undefined;

export const TESTER = 'imgpipe-tester';
export const PASSWORD = 'correct horse';
/** crypt(3) of the password. */
const SHADOW =
  '$6$imgpipe$GLmVWwPb0IRBHp9E3kHJVHGb/K1D6cxyPvOR4o.G/rv4ubIrckRCMj0VgTINj.9Wm.Oh/gqZYD6ruVweT4VOL/';

export interface TestSshd {
  readonly host: string;
  readonly port: number;
  /** Logs in with `key`: root, or whoever runs the tests. */
  readonly user: string;
  readonly key: SshKeyPair;
  /** Line of the host key's `.pub` file. */
  readonly hostKey: string;
  readonly folder: string;
  /** 1 MB of disk; root only. */
  readonly smallDisk: string;
  /** What machine sees as /proc/sys/kernel/random/boot_id; root only. */
  readonly bootIdFile: string;
  /** Signs the key, so that the server takes the certificate from someone it knows no key of. */
  readonly certify: (key: SshKeyPair) => string;
  /** What the server wrote to its log. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

export interface SshdOptions {
  /** More lines of sshd_config, which win over the rig's. */
  readonly config?: readonly string[];
  readonly port?: number;
}

/**
 * A real OpenSSH server on a port of 127.0.0.1, ended with the test. As root it runs in a mount namespace with its own
 * /run, /etc/passwd, /etc/shadow and PAM, so that nothing of the host is changed or needed.
 */
export async function startSshd({ config = [], port }: SshdOptions = {}): Promise<TestSshd> {
  if (program === undefined) throw new Error('sshd is not installed');
  const folder = temporaryFolder();
  const key = await makeSshKey('tester');
  const host = await makeSshKey('host');
  const at = (name: string): string => join(folder, name);
  const put = (name: string, text: string, mode = 0o600): void => {
    writeFileSync(at(name), text, { mode });
    chmodSync(at(name), mode);
  };
  // The tester, another user, must get through.
  chmodSync(folder, 0o755);
  for (const name of ['home', 'small']) mkdirSync(at(name));
  chmodSync(at('home'), 0o777);
  put('host_key', host.privateKey);
  put('authorized_keys', `${key.publicKey}\n`, 0o644);
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('ca')]);
  put('boot_id', 'the-first-boot\n', 0o644);
  const [listen = 0] = port === undefined ? await findFreePorts(1) : [port];
  const sftp = config.some((line) => line.startsWith('Subsystem')) ? [] : ['Subsystem sftp internal-sftp'];
  put('sshd_config', [...config, ...sftp, ...settings(folder, listen), ''].join('\n'));
  if (isRoot) {
    put(
      'passwd',
      `${readFileSync('/etc/passwd', 'utf8')}${TESTER}:x:54321:54321::${at('home')}:/bin/sh\n`,
      0o644,
    );
    put('shadow', `${readFileSync('/etc/shadow', 'utf8')}${TESTER}:${SHADOW}:19000:0:99999:7:::\n`);
    put(
      'pam',
      'auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n',
    );
  }
  const child = spawn(...command(program, folder), { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  // Not `close`: the server's sessions hold its standard error and end with their connections.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(stop);
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Server listening on')) resolve();
    });
    void ended.then(() => reject(new Error(`sshd ended: ${log}`)));
  });
  return {
    host: '127.0.0.1',
    port: listen,
    user: isRoot ? 'root' : userInfo().username,
    key,
    hostKey: host.publicKey,
    folder,
    smallDisk: at('small'),
    bootIdFile: at('boot_id'),
    certify: ({ publicKey }) => {
      put('certified.pub', publicKey);
      const user = isRoot ? 'root' : userInfo().username;
      const sign = ['-q', '-s', at('ca'), '-I', 'test', '-n', user, at('certified.pub')];
      spawnSync('ssh-keygen', sign, { stdio: 'inherit' });
      return readFileSync(at('certified-cert.pub'), 'utf8');
    },
    log: () => log,
    stop,
  };
}

function settings(folder: string, port: number): string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    `TrustedUserCAKeys ${join(folder, 'ca.pub')}`,
    'PidFile none',
    'StrictModes no',
    'PermitRootLogin yes',
    'MaxAuthTries 20',
    'MaxStartups 100',
    'UseDNS no',
    'PrintMotd no',
    `UsePAM ${isRoot ? 'yes' : 'no'}`,
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication yes',
    'LogLevel VERBOSE',
  ];
}

function command(sshd: string, folder: string): [string, string[]] {
  const server = [sshd, '-D', '-e', '-f', join(folder, 'sshd_config')];
  const whileTested = ['--pdeathsig', 'KILL'];
  if (!isRoot) return ['setpriv', [...whileTested, ...server]];
  const script = `cd "$1" && shift
mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd
for name in passwd shadow; do mount --bind $name /etc/$name; done
mkdir -p /run/pam && cp pam /run/pam/sshd && cp pam /run/pam/other && mount --bind /run/pam /etc/pam.d
mount --bind boot_id /proc/sys/kernel/random/boot_id
mount -t tmpfs -o size=1m,mode=777 tmpfs small
exec "$@"`;
  const inside = ['sh', '-ec', script, 'sh', folder, ...server];
  return ['setpriv', [...whileTested, 'unshare', '--mount', ...inside]];
}
