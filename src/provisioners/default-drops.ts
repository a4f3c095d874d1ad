/** A path that no layer keeps, and why. */
export interface VolatilePath {
  /** In the form of `CommitRules.drop`: relative, a trailing slash for all that lies in a folder. */
  readonly path: string;
  readonly reason: string;
}

/**
 * Paths that carry no meaning for an image and differ between two equal runs, so every layer of a program's
 * run leaves them out; and what makes a machine this one machine, which each machine must make for itself.
 */
const VOLATILE_PATHS: readonly VolatilePath[] = [
  { path: 'dev/', reason: "device nodes are the running kernel's; plain users cannot make them" },
  { path: 'proc/', reason: 'filled by the running kernel' },
  { path: 'sys/', reason: 'filled by the running kernel' },
  { path: 'run/', reason: 'a file system in memory on a running machine' },
  { path: 'tmp/', reason: 'scratch space of the build' },
  { path: 'var/tmp/', reason: 'scratch space of the build' },
  { path: 'var/cache/apt/archives/', reason: 'package downloads' },
  { path: 'var/cache/apt/pkgcache.bin', reason: 'index cache with times and addresses inside' },
  { path: 'var/cache/apt/srcpkgcache.bin', reason: 'index cache with times and addresses inside' },
  {
    path: 'var/lib/apt/lists/',
    reason: 'package index of the day of the build; `package` refreshes it itself',
  },
  { path: 'var/lib/apt/periodic/', reason: 'time stamps of the last index update' },
  { path: 'var/cache/debconf/*-old', reason: 'the debconf database before its last change' },
  { path: 'var/lib/dpkg/*-old', reason: "dpkg's database before its last change" },
  { path: 'var/lib/dpkg/lock', reason: 'lock files' },
  { path: 'var/lib/dpkg/lock-frontend', reason: 'lock files' },
  { path: 'var/lib/dpkg/triggers/Lock', reason: 'lock files' },
  { path: 'var/cache/ldconfig/aux-cache', reason: 'inode numbers and times of the build' },
  { path: 'var/log/apt/', reason: 'logs with times of the build' },
  { path: 'var/log/dpkg.log', reason: 'log with times of the build' },
  { path: 'var/log/alternatives.log', reason: 'log with times of the build' },
  { path: 'var/log/bootstrap.log', reason: 'log with times of the build' },
  { path: 'etc/.pwd.lock', reason: 'lock file of the account tools' },
  { path: 'etc/passwd-', reason: 'account files before their last change' },
  { path: 'etc/group-', reason: 'account files before their last change' },
  { path: 'etc/shadow-', reason: 'account files before their last change' },
  { path: 'etc/gshadow-', reason: 'account files before their last change' },
  { path: 'etc/subuid-', reason: 'account files before their last change' },
  { path: 'etc/subgid-', reason: 'account files before their last change' },
  { path: 'etc/machine-id', reason: 'identity of one machine; made at its first boot' },
  { path: 'var/lib/dbus/machine-id', reason: 'identity of one machine; made at its first boot' },
  { path: 'etc/ssh/ssh_host_*_key', reason: 'private key of one machine; made at its first boot' },
  { path: 'etc/ssh/ssh_host_*_key.pub', reason: 'belongs to a key that is not kept' },
  { path: 'var/lib/systemd/random-seed', reason: 'randomness that two machines must not share' },
];

/** The same as `CommitRules.drop` takes it. */
export const DEFAULT_DROPS: readonly string[] = VOLATILE_PATHS.map((entry) => entry.path);
