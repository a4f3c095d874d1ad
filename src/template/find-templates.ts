import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';

/** Endings of template files; the first that exists in a folder counts. */
const TEMPLATE_ENDINGS = ['.ts', '.mts', '.js', '.mjs', '.yaml', '.yml', '.json'] as const;

/** Files of the folder that are no templates though their ending fits. */
const NO_TEMPLATE =
  /^[._]|\.d\.[cm]?ts$|\.vars\.[a-z]+$|\.pkr(?:vars)?\.json$|^(?:package|package-lock|tsconfig)\.json$/;

/** Absolute paths in the order of their names, or undefined when there is no such folder. */
export function findTemplates(folder: string): string[] | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
  const files = entries.flatMap((entry): string[] => {
    const place = path.join(folder, entry.name);
    if (NO_TEMPLATE.test(entry.name)) return [];
    if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(place))) {
      const ending = TEMPLATE_ENDINGS.find((each) =>
        statSync(path.join(place, `pipeline${each}`), { throwIfNoEntry: false })?.isFile(),
      );
      return ending === undefined ? [] : [path.join(place, `pipeline${ending}`)];
    }
    return TEMPLATE_ENDINGS.some((ending) => entry.name.endsWith(ending)) ? [place] : [];
  });
  return files.toSorted();
}

const isFolder = (place: string): boolean =>
  statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;

const AUTO_FILE = /\.auto\.vars\.(?:ya?ml|json)$/;

/** Absolute paths of the files with variables that are read by themselves, in the order of their names. */
export function findAutoFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => AUTO_FILE.test(name));
    return names.toSorted().map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
