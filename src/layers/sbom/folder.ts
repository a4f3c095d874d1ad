import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { globToRegExp } from '../../util/glob.ts';
import { apkPackages, debPackages, type Inventory, PACKAGE_DATABASES, parseRelease } from './inventory.ts';

export type SbomFormat = 'cyclonedx-json' | 'spdx-json';

export interface FolderSbomOptions {
  /** Folder that holds a system; absolute. */
  readonly root: string;
  readonly format: SbomFormat;
  /** Globs on paths below the folder, which begin with `./`: lists that match are not read. */
  readonly excluded: readonly string[];
}

/** What the lists of packages (dpkg, apk) of a system in a folder say of it. */
export async function folderInventory({ root, excluded }: FolderSbomOptions): Promise<Inventory> {
  const patterns = excluded.map((glob) => globToRegExp(glob));
  const read = async (file: string): Promise<string> =>
    patterns.some((pattern) => pattern.test(`.${file}`)) ? '' : await readIfThere(path.join(root, file));
  const release =
    (await readIfThere(path.join(root, '/etc/os-release'))) ||
    (await readIfThere(path.join(root, '/usr/lib/os-release')));
  return {
    system: parseRelease(release),
    packages: [
      ...debPackages(await read(PACKAGE_DATABASES.deb)),
      ...apkPackages(await read(PACKAGE_DATABASES.apk)),
    ],
    files: new Map(),
  };
}

/** The bill of materials of a folder as a document. */
export async function folderSbom({ root, format }: FolderSbomOptions, inventory: Inventory): Promise<object> {
  const facts = {
    name: path.basename(root) || 'root',
    sourceDateEpoch: Math.floor(Date.now() / 1000),
    images: [],
    inventory,
  };
  return format === 'spdx-json'
    ? (await import('./spdx.ts')).spdxDocument(facts)
    : (await import('./cyclonedx.ts')).cyclonedxDocument(facts);
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}
