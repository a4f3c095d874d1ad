import { globToRegExp } from '../util/glob.ts';
import { byteString, type ByteString } from './manifest.ts';

/**
 * What programs leave behind that differs between equal runs, or that belongs to the sandbox, and carries no meaning
 * for the image. Left out of every layer of a step that ran programs; form as `CommitRules.drop`. Machine identity
 * (machine id, host keys) is here because it must be made by each machine on its own, at its first boot.
 */
export const VOLATILE_PATHS: readonly string[] = [
  // Mount points of the sandbox and scratch space.
  'dev/',
  'proc/',
  'sys/',
  'tmp/',
  'var/tmp/',
  // apt: caches made from the package lists, and the lists, which each step that installs fetches anew.
  'var/cache/apt/archives/',
  'var/cache/apt/pkgcache.bin',
  'var/cache/apt/srcpkgcache.bin',
  'var/lib/apt/lists/',
  // ldconfig's cache of inode numbers and times; ld.so.cache itself is kept.
  'var/cache/ldconfig/aux-cache',
  // Logs with the time of the build.
  'var/log/apt/',
  'var/log/alternatives.log',
  'var/log/bootstrap.log',
  'var/log/dpkg.log',
  // dpkg's and debconf's copies of their previous state.
  'var/lib/dpkg/status-old',
  'var/lib/dpkg/diversions-old',
  'var/lib/dpkg/statoverride-old',
  'var/cache/debconf/*-old',
  // Identity of one machine.
  'etc/machine-id',
  'var/lib/dbus/machine-id',
  'etc/ssh/ssh_host_*_key',
  'etc/ssh/ssh_host_*_key.pub',
  'var/lib/systemd/random-seed',
];

/** Whether a path of the image is left out by any of the patterns (see `CommitRules.drop`). */
export function dropMatcher(patterns: readonly string[]): (path: ByteString) => boolean {
  const sources = patterns.map((pattern) => {
    const contents = pattern.endsWith('/');
    const whole = globToRegExp(byteString(contents ? pattern.slice(0, -1) : pattern)).source.slice(1, -1);
    // All that lies in a folder, but not the folder; or the path itself with all that lies in it.
    return contents ? `${whole}/.+` : `${whole}(?:/.*)?`;
  });
  const expression = new RegExp(`^/(?:${sources.join('|')})$`, 's');
  return sources.length === 0 ? () => false : (path) => expression.test(path);
}
