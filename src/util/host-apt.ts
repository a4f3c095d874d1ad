import { execFile } from 'node:child_process';

/** One apt setting: its full name and value. */
export interface AptSetting {
  readonly name: string;
  readonly value: string;
}

/**
 * Settings that say how this host reaches archives: proxies, retries, time-outs, how old an index may be. They steer
 * the download, never what is installed; programs and files of the host (proxy detection scripts, certificates) are
 * not among them.
 */
const NETWORK_SETTING =
  /^Acquire::(?:(?:http|https|ftp)::(?:[^:]+::)?(?:Proxy|Timeout|Dl-Limit|Pipeline-Depth)|(?:http|https|ftp)::Proxy::[^:]+|Check-Valid-Until|Check-Date|Retries|ForceIPv[46])$/i;

/** The network settings of the host's own apt; none on hosts without apt. */
export async function hostAptSettings(): Promise<readonly AptSetting[]> {
  const dump = await runQuietly('apt-config', ['dump', '--no-empty', '--format', '%F %v%n', 'Acquire']);
  return dump.split('\n').flatMap((line) => {
    const space = line.indexOf(' ');
    const name = line.slice(0, space);
    return space > 0 && NETWORK_SETTING.test(name) ? [{ name, value: line.slice(space + 1) }] : [];
  });
}

/** Settings as lines of apt.conf(5). */
export function aptConfigText(settings: readonly AptSetting[]): string {
  return settings.map(({ name, value }) => `${name} "${value.replaceAll('"', '')}";\n`).join('');
}

/** Proxy variables of the environment, which apt and most other programs understand. */
export function hostProxyEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'ftp_proxy', 'all_proxy'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name] ?? environment[name.toUpperCase()];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}

/** Standard output of a host program, or an empty text when it is missing or fails. */
function runQuietly(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: 10_000, maxBuffer: 1 << 22 }, (error, stdout) => {
      resolve(error === null ? stdout : '');
    });
  });
}
