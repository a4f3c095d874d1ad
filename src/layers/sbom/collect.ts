import { byteString, textOf } from '../manifest.ts';
import { resolvePath, type PathTree } from '../resolve-path.ts';
import {
  apkPackages,
  debPackages,
  type ImageFile,
  type Inventory,
  PACKAGE_DATABASES,
  parseRelease,
} from './inventory.ts';

/** Where the packages of a system are looked up. */
export interface InventorySource {
  readonly tree: PathTree;
  /** Content of a file of the system, links followed; empty when there is none. */
  readonly readText: (path: string) => string;
  /** Its regular files by path, ascending; empty when they are not wanted. */
  readonly files: ReadonlyMap<string, ImageFile>;
}

/** Files that say what a system is and what is installed. */
export const INVENTORY_FILES = [
  // Where `/etc/os-release` is a link, it leads to this one.
  '/usr/lib/os-release',
  '/etc/os-release',
  ...Object.values(PACKAGE_DATABASES),
] as const;

/** Puts packages and files together: each package with those files of its own that are there. */
export function collectInventory({ tree, readText, files }: InventorySource): Inventory {
  const release = readText('/etc/os-release') || readText('/usr/lib/os-release');
  const filesOf = (name: string, architecture: string): string[] => {
    if (files.size === 0) return [];
    const info = `/var/lib/dpkg/info/${name}`;
    return ownFiles(readText(`${info}.list`) || readText(`${info}:${architecture}.list`), tree, files);
  };
  const packages = [
    ...debPackages(readText(PACKAGE_DATABASES.deb), filesOf),
    ...apkPackages(readText(PACKAGE_DATABASES.apk)),
  ];
  return { system: parseRelease(release), packages, files };
}

/** Files of a package's list, where they really lie: packages still name `/bin`, which is a link today. */
function ownFiles(list: string, tree: PathTree, files: ReadonlyMap<string, ImageFile>): string[] {
  const found = list.split('\n').flatMap((path) => {
    if (!path.startsWith('/')) return [];
    const resolved = resolvePath(tree, byteString(path), { followLast: false });
    const real = resolved.type === 'path' ? textOf(resolved.path) : undefined;
    return real !== undefined && files.has(real) ? [real] : [];
  });
  return [...new Set(found)].toSorted();
}
