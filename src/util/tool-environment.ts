/** Environment of every tool: nothing of the user's but the search path, so that output does not depend on it. */
export function toolEnvironment(): Record<string, string> {
  // Plain users do not have the sbin folders, in which mke2fs and its like live.
  return {
    PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    TZ: 'UTC',
  };
}
