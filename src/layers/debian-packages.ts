/** Installed packages of a system by name, with their versions. */
export type InstalledPackages = ReadonlyMap<string, string>;

/** Where dpkg keeps what is installed (dpkg(1)). */
export const DPKG_STATUS = '/var/lib/dpkg/status';

/**
 * Packages that a dpkg database names as installed. A name that several architectures have is written `name:arch`,
 * as dpkg itself does.
 * @param status content of `/var/lib/dpkg/status`
 */
export function parseDpkgStatus(status: string): InstalledPackages {
  const rows = status.split('\n\n').flatMap((paragraph) => {
    const name = field(paragraph, 'Package');
    const version = field(paragraph, 'Version');
    const isInstalled = field(paragraph, 'Status')?.endsWith(' installed') === true;
    if (name === undefined || version === undefined || !isInstalled) return [];
    return [{ name, version, architecture: field(paragraph, 'Architecture') ?? '' }];
  });
  const counts = Map.groupBy(rows, (row) => row.name);
  return new Map(
    rows.map(({ name, version, architecture }) => [
      (counts.get(name)?.length ?? 0) > 1 ? `${name}:${architecture}` : name,
      version,
    ]),
  );
}

function field(paragraph: string, name: string): string | undefined {
  const start = paragraph.startsWith(`${name}: `) ? 0 : paragraph.indexOf(`\n${name}: `) + 1;
  if (start === 0 && !paragraph.startsWith(`${name}: `)) return undefined;
  const end = paragraph.indexOf('\n', start);
  return paragraph.slice(start + name.length + 2, end === -1 ? undefined : end);
}
