import { parseOsRelease } from '../../util/os-release.ts';

/** One installed package as the system's own database has it. */
export interface InstalledPackage {
  /** Type of its package-url: that of the database. */
  readonly type: 'deb' | 'apk';
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly maintainer?: string;
  readonly homepage?: string;
  readonly summary?: string;
  /** Source package, with its version where that is another one. */
  readonly source?: { readonly name: string; readonly version: string };
  /** Real paths of its regular files. */
  readonly files: readonly string[];
}

export interface ImageFile {
  readonly path: string;
  readonly sha256: string;
  /** Undefined where this user may not read the file. */
  readonly sha1?: string;
}

/** What an image holds, for bills of materials. */
export interface Inventory {
  /** `ID`, `VERSION_ID` and `PRETTY_NAME` of os-release(5). */
  readonly system: { readonly id?: string; readonly version?: string; readonly name?: string };
  readonly packages: readonly InstalledPackage[];
  /** All regular files, by path. */
  readonly files: ReadonlyMap<string, ImageFile>;
}

/** Databases of installed packages, by the type of their packages. */
export const PACKAGE_DATABASES = { deb: '/var/lib/dpkg/status', apk: '/lib/apk/db/installed' } as const;

/**
 * Packages of dpkg's database (dpkg(1), deb-control(5)).
 * @param status content of `/var/lib/dpkg/status`
 * @param filesOf paths of a package's files, where they are wanted
 */
export function debPackages(
  status: string,
  filesOf: (name: string, architecture: string) => readonly string[] = () => [],
): InstalledPackage[] {
  return sorted(
    status.split('\n\n').flatMap((paragraph): InstalledPackage[] => {
      const fields = fieldsOf(paragraph, /^([A-Za-z-]+): (.*)$/);
      const { Package: name, Version: version, Architecture: architecture = 'all' } = fields;
      if (name === undefined || version === undefined || !fields['Status']?.endsWith(' installed')) return [];
      return [
        {
          type: 'deb',
          name,
          version,
          architecture,
          ...given('maintainer', fields['Maintainer']),
          ...given('homepage', fields['Homepage']),
          ...given('summary', fields['Description']),
          ...sourceOf(fields['Source'], version),
          files: filesOf(name, architecture),
        },
      ];
    }),
  );
}

/**
 * Packages of apk's database (apk-package(5)).
 * @param installed content of `/lib/apk/db/installed`
 */
export function apkPackages(installed: string): InstalledPackage[] {
  return sorted(
    installed.split('\n\n').flatMap((paragraph): InstalledPackage[] => {
      const fields = fieldsOf(paragraph, /^([A-Za-z]):(.*)$/);
      const { P: name, V: version, A: architecture = 'noarch', o: origin } = fields;
      if (name === undefined || version === undefined) return [];
      return [
        {
          type: 'apk',
          name,
          version,
          architecture,
          ...given('maintainer', fields['m']),
          ...given('homepage', fields['U']),
          ...given('summary', fields['T']),
          ...(origin === undefined ? {} : { source: { name: origin, version } }),
          files: [],
        },
      ];
    }),
  );
}

const sorted = (packages: readonly InstalledPackage[]): InstalledPackage[] =>
  packages.toSorted((a, b) => (`${a.name}:${a.architecture}` < `${b.name}:${b.architecture}` ? -1 : 1));

const given = <Name extends string>(name: Name, value: string | undefined): Partial<Record<Name, string>> =>
  value === undefined ? {} : ({ [name]: value } as Record<Name, string>);

/** `Source: name` or `Source: name (version)`. */
function sourceOf(text: string | undefined, version: string): Pick<InstalledPackage, 'source'> {
  const [, name, other] = /^(\S+)(?: \((.+)\))?$/.exec(text ?? '') ?? [];
  return name === undefined ? {} : { source: { name, version: other ?? version } };
}

/** Single-line fields of one paragraph, by name; `line` has groups for name and value. */
function fieldsOf(paragraph: string, line: RegExp): Partial<Record<string, string>> {
  const rows = paragraph.split('\n').flatMap((text) => {
    const [, name, value] = line.exec(text) ?? [];
    return name === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(rows);
}

/** What os-release(5) says of the system. */
export function parseRelease(text: string): Inventory['system'] {
  const {
    ID: id,
    VERSION_ID: version,
    PRETTY_NAME: name,
  }: Partial<Record<string, string>> = parseOsRelease(text);
  return {
    ...(id === undefined ? {} : { id }),
    ...(version === undefined ? {} : { version }),
    ...(name === undefined ? {} : { name }),
  };
}
