import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { formatBytes } from '../../ui/format.ts';
import type { Finding, Host } from './diagnose.ts';

/** Room that the sample image, its layers and its exports take, with some to spare. */
const ENOUGH_SPACE = 5e9;

/** What the kernel and the system's settings must allow. */
export async function systemFindings(host: Host): Promise<Finding[]> {
  const linux = platform();
  if (linux.state !== 'ok') return [linux, space(host.cacheDirectory)];
  return [
    linux,
    ...(host.isRoot ? [] : [userNamespaces(), subordinateIds()]),
    overlay(host),
    kvm(),
    space(host.cacheDirectory),
  ];
}

function platform(): Finding {
  const ok = process.platform === 'linux';
  return {
    name: 'Linux',
    neededFor: 'builder rootfs',
    required: true,
    state: ok ? 'ok' : 'missing',
    detail: ok ? `${process.arch}, Node ${process.versions.node}` : `this is ${process.platform}`,
    ...(ok ? {} : { mend: 'Run imgpipe in a Linux virtual machine or container.' }),
  };
}

function userNamespaces(): Finding {
  const common = { name: 'user namespaces', neededFor: 'builds without root', required: true };
  const blocked = [
    ['/proc/sys/kernel/unprivileged_userns_clone', '0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1'],
    [
      '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
      '1',
      'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    ],
    ['/proc/sys/user/max_user_namespaces', '0', 'sudo sysctl -w user.max_user_namespaces=10000'],
  ].find(([file = '', value]) => readText(file)?.trim() === value);
  if (blocked !== undefined) {
    return { ...common, state: 'missing', detail: `${blocked[0]} is ${blocked[1]}`, mend: blocked[2] };
  }
  const works = run('unshare', ['--user', '--map-root-user', 'true']);
  return works.ok
    ? { ...common, state: 'ok', detail: 'allowed' }
    : {
        ...common,
        state: 'missing',
        detail: works.message,
        mend: 'Allow user namespaces, or run imgpipe as root.',
      };
}

function subordinateIds(): Finding {
  const { username, uid } = userInfo();
  const lacking = ['/etc/subuid', '/etc/subgid'].filter((file) => {
    const lines = readText(file)?.split('\n') ?? [];
    return !lines.some((line) => {
      const [owner, , count] = line.split(':');
      return (owner === username || owner === String(uid)) && Number(count) >= 65_536;
    });
  });
  return {
    name: 'subordinate ids',
    neededFor: 'builds without root',
    required: true,
    state: lacking.length === 0 ? 'ok' : 'missing',
    detail:
      lacking.length === 0
        ? '/etc/subuid, /etc/subgid'
        : `no range of 65536 for ${username} in ${lacking.join(' and ')}`,
    ...(lacking.length === 0
      ? {}
      : { mend: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}` }),
  };
}

/** Really mounts one, in a namespace of its own that ends at once. */
function overlay(host: Host): Finding {
  const parent = existing(host.cacheDirectory);
  let folder: string;
  try {
    folder = mkdtempSync(join(isWritable(parent) ? parent : tmpdir(), '.imgpipe-doctor-'));
  } catch {
    folder = mkdtempSync(join(tmpdir(), 'imgpipe-doctor-'));
  }
  const script =
    'cd "$1" && mkdir l u w m && mount -t overlay o -o userxattr,lowerdir=l,upperdir=u,workdir=w m && touch m/x';
  const user = host.isRoot ? [] : ['--user', '--map-root-user'];
  const works = run('unshare', [
    ...user,
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    folder,
  ]);
  rmSync(folder, { recursive: true, force: true });
  const common = { name: 'overlayfs', neededFor: 'builder rootfs: layers', required: true };
  return works.ok
    ? { ...common, state: 'ok', detail: `works in ${parent}` }
    : {
        ...common,
        state: 'missing',
        detail: works.message,
        mend: 'Use Linux 5.11 or newer, and a cache folder on ext4, xfs or btrfs (not on an overlay, NFS or FUSE).',
      };
}

function kvm(): Finding {
  const common = { name: 'KVM', neededFor: 'check boot: speed; without it QEMU emulates', required: false };
  if (!existsSync('/dev/kvm')) {
    return {
      ...common,
      state: 'warning',
      detail: 'no /dev/kvm',
      mend: 'Turn on virtualisation in the firmware, or nested virtualisation.',
    };
  }
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    const mend = `sudo usermod -aG kvm ${userInfo().username}`;
    return { ...common, state: 'warning', detail: 'no access to /dev/kvm', mend };
  }
  // The device may be there and yet not work, e.g. in a virtual machine: a processor is made, and not started.
  const emulator = process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
  const machine = process.arch === 'arm64' ? 'virt' : 'q35';
  const quiet = ['-S', '-nodefaults', '-display', 'none', '-monitor', 'stdio'];
  const works = run(emulator, ['-machine', `${machine},accel=kvm`, '-cpu', 'host', ...quiet], 'quit\n');
  return works.ok
    ? { ...common, state: 'ok', detail: '/dev/kvm' }
    : { ...common, state: 'warning', detail: `/dev/kvm does not work: ${works.message}` };
}

function space(directory: string): Finding {
  const parent = existing(directory);
  const info = statfsSync(parent);
  const free = info.bavail * info.bsize;
  const enough = free >= ENOUGH_SPACE;
  return {
    name: 'disk space',
    neededFor: 'cache and images',
    required: false,
    state: enough ? 'ok' : 'warning',
    detail: `${formatBytes(free)} free in ${parent}`,
    ...(enough ? {} : { mend: 'Free some space, or set cache.directory in the config.' }),
  };
}

/** The nearest folder above that exists. */
function existing(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : existing(dirname(path));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function run(
  program: string,
  args: readonly string[],
  input = '',
): { readonly ok: boolean; readonly message: string } {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', input, timeout: 10_000 });
  if (error !== undefined) return { ok: false, message: error.message };
  return { ok: status === 0, message: stderr.trim().split('\n')[0] ?? '' };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
