/** One thing that a finished image does not keep, as data for the docs and the seal. */
export interface SealRule {
  /** Absolute pattern, `*` within one part. */
  readonly pattern: string;
  readonly reason: string;
}

/**
 * What is deleted from every image. `/etc/resolv.conf` and `/etc/hostname` are not here: the build's own never enter
 * a layer, so what the image has was put there on purpose.
 */
export const SEAL_RULES: readonly SealRule[] = [
  { pattern: '/etc/ssh/ssh_host_*_key', reason: 'private keys that every machine of the image would share' },
  { pattern: '/etc/ssh/ssh_host_*_key.pub', reason: 'belong to keys that are deleted' },
  {
    pattern: '/var/lib/dbus/machine-id',
    reason: 'identity of one machine; D-Bus falls back to /etc/machine-id',
  },
  { pattern: '/var/lib/systemd/random-seed', reason: 'randomness that two machines must not share' },
  { pattern: '/var/lib/systemd/credential.secret', reason: 'key of one machine' },
  { pattern: '/loader/random-seed', reason: 'randomness that two machines must not share' },
  { pattern: '/boot/loader/random-seed', reason: 'randomness that two machines must not share' },
  { pattern: '/var/lib/apt/lists/*', reason: 'package index of the day of the build' },
  { pattern: '/var/lib/apt/periodic/*', reason: 'time stamps of the build' },
  { pattern: '/var/cache/apt/*.bin', reason: 'index cache' },
  { pattern: '/var/cache/apt/archives/*', reason: 'package downloads' },
  { pattern: '/var/cache/ldconfig/aux-cache', reason: 'inode numbers of the build' },
  { pattern: '/var/lib/dhcp/*.leases', reason: 'addresses of the build machine' },
  { pattern: '/var/lib/dhclient/*', reason: 'addresses of the build machine' },
  { pattern: '/var/lib/NetworkManager/*', reason: 'leases, host id and secret key of the build machine' },
  {
    pattern: '/var/lib/cloud/*',
    reason: "cloud-init's memory of having run: it must run on the new machine",
  },
  { pattern: '/var/log/*.log', reason: 'logs of the build' },
  { pattern: '/var/log/*.log.*', reason: 'logs of the build' },
  { pattern: '/var/log/*/*.log', reason: 'logs of the build' },
  { pattern: '/var/log/journal/*', reason: 'journal of the build' },
  { pattern: '/var/log/btmp', reason: 'logins of the build' },
  { pattern: '/var/log/wtmp', reason: 'logins of the build' },
  { pattern: '/var/log/lastlog', reason: 'logins of the build' },
  { pattern: '/var/log/faillog', reason: 'logins of the build' },
  { pattern: '/root/.bash_history', reason: 'commands of the build' },
  { pattern: '/home/*/.bash_history', reason: 'commands of the build' },
  { pattern: '/tmp/*', reason: 'scratch space of the build' },
  { pattern: '/var/tmp/*', reason: 'scratch space of the build' },
];

/** Keys whose comment begins with this were put in by imgpipe to reach a machine while it was built. */
export const BUILD_KEY_MARKER = 'imgpipe-build';
