/** A clean environment for programs: nothing of the host's, and what keeps them quiet and their results equal. */
export function machineEnvironment(sourceDateEpoch: number): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    TERM: 'dumb',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    DEBIAN_FRONTEND: 'noninteractive',
    DEBCONF_NONINTERACTIVE_SEEN: 'true',
    // Programs that write a hash table in its order write the same each time.
    PERL_HASH_SEED: '0',
    PYTHONHASHSEED: '0',
  };
}
