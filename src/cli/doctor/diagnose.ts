import { existsSync } from 'node:fs';
import {
  HOST_TOOLS,
  installCommand,
  PACKAGE_MANAGERS,
  type HostTool,
  type PackageManager,
} from '../../util/host-tools.ts';
import { findProgram } from './find-program.ts';
import { systemFindings } from './system-checks.ts';

/** One thing that a build needs of the host. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'warning';
  readonly neededFor: string;
  /** Whether builds cannot work without it. */
  readonly required: boolean;
  /** Where it was found, or what is wrong. */
  readonly detail: string;
  /** What mends it. */
  readonly mend?: string;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** One command that installs all that is missing, by package manager: only this host's where it is known. */
  readonly install: Partial<Record<PackageManager, string>>;
}

export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Folder of the cache; need not exist. */
  readonly cacheDirectory: string;
}

/** Looks at every program and kernel feature that imgpipe uses; changes nothing. */
export async function diagnose(host: Host): Promise<Diagnosis> {
  const managers = managersOf(host);
  const tools = HOST_TOOLS.filter((tool) => tool.only === undefined || tool.only === process.arch);
  const found = tools.map((tool) => toolFinding(tool, host, managers));
  const missing = tools.filter((_, index) => found[index]?.state !== 'ok');
  const install: Partial<Record<PackageManager, string>> = {};
  for (const manager of managers) {
    const packages = missing.flatMap((tool) => tool.packages[manager] ?? []);
    if (packages.length > 0) install[manager] = installCommand(manager, packages, host.isRoot);
  }
  return { findings: [...found, ...(await systemFindings(host))], install };
}

/** The package manager of this host, or all of them when none is known. */
function managersOf(host: Host): readonly PackageManager[] {
  const commands: Record<PackageManager, string> = {
    apt: 'apt-get',
    dnf: 'dnf',
    pacman: 'pacman',
    apk: 'apk',
    brew: 'brew',
  };
  const first = PACKAGE_MANAGERS.find(
    (manager) => findProgram(commands[manager], host.env['PATH']) !== undefined,
  );
  return first === undefined ? PACKAGE_MANAGERS : [first];
}

function toolFinding(tool: HostTool, host: Host, managers: readonly PackageManager[]): Finding {
  const place =
    tool.files === undefined
      ? [tool.name, ...(tool.aliases ?? [])].map((name) => findProgram(name, host.env['PATH'])).find(Boolean)
      : tool.files.find((file) => existsSync(file));
  const common = { name: tool.name, neededFor: tool.neededFor, required: tool.required };
  if (place !== undefined) return { ...common, state: 'ok', detail: place };
  const mends = managers.map((manager) => {
    const name = tool.packages[manager];
    return name === undefined ? `${manager}: no package` : installCommand(manager, [name], host.isRoot);
  });
  return {
    ...common,
    state: tool.required ? 'missing' : 'warning',
    detail: 'not installed',
    mend: mends.join('; '),
  };
}
