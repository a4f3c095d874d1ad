import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseOsRelease } from '../../builders/os-release.ts';
import type { LayerStore } from '../../layers/layer-store.ts';
import { byteString, bytesOf, textOf, type ByteString } from '../../layers/manifest.ts';
import { resolvePath } from '../../layers/resolve-path.ts';
import { ViewIndex, type Found } from '../../layers/view-index.ts';
import { visibleTree } from '../../layers/visible-tree.ts';
import type { View } from '../../model/layer.ts';
import { isErrno } from '../../util/atomic-file.ts';

/** One installed package as dpkg's database has it (dpkg(1), deb-control(5)). */
export interface InstalledPackage {
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

/**
 * Reads packages and files of an image from its layers, without mounting them.
 * @param options.withFiles whether files and their digests are wanted; each is then read once
 */
export function takeInventory(
  { view, store }: { readonly view: View; readonly store: LayerStore },
  options: { readonly withFiles: boolean; readonly signal: AbortSignal },
): Inventory {
  const digests = view.map(({ digest }) => digest);
  const index = new ViewIndex(store, digests);
  const readText = (path: string): string => readImageFile(store, index, path) ?? '';
  const files = new Map<string, ImageFile>();
  if (options.withFiles) {
    const visible = [...visibleTree(store, digests)].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, { entry, layer }] of visible) {
      if (entry.type !== 'file') continue;
      options.signal.throwIfAborted();
      const sha1 = sha1Of(join(store.treeDirectory(layer)), entry.path);
      const name = textOf(path);
      files.set(name, { path: name, sha256: entry.sha256, ...(sha1 === undefined ? {} : { sha1 }) });
    }
  }
  const release = readText('/etc/os-release') || readText('/usr/lib/os-release');
  return { system: parseRelease(release), packages: packagesOf(readText, index, files), files };
}

function packagesOf(
  readText: (path: string) => string,
  index: ViewIndex,
  files: ReadonlyMap<string, ImageFile>,
): InstalledPackage[] {
  return readText('/var/lib/dpkg/status')
    .split('\n\n')
    .flatMap((paragraph): InstalledPackage[] => {
      const fields = fieldsOf(paragraph);
      const { Package: name, Version: version, Architecture: architecture = 'all' } = fields;
      if (name === undefined || version === undefined || !fields['Status']?.endsWith(' installed')) return [];
      const list =
        readText(`/var/lib/dpkg/info/${name}.list`) ||
        readText(`/var/lib/dpkg/info/${name}:${architecture}.list`);
      return [
        {
          name,
          version,
          architecture,
          ...(fields['Maintainer'] === undefined ? {} : { maintainer: fields['Maintainer'] }),
          ...(fields['Homepage'] === undefined ? {} : { homepage: fields['Homepage'] }),
          ...(fields['Description'] === undefined ? {} : { summary: fields['Description'] }),
          ...sourceOf(fields['Source'], version),
          files: files.size === 0 ? [] : ownFiles(list, index, files),
        },
      ];
    })
    .toSorted((a, b) => (`${a.name}:${a.architecture}` < `${b.name}:${b.architecture}` ? -1 : 1));
}

/** `Source: name` or `Source: name (version)`. */
function sourceOf(text: string | undefined, version: string): Pick<InstalledPackage, 'source'> {
  const [, name, other] = /^(\S+)(?: \((.+)\))?$/.exec(text ?? '') ?? [];
  return name === undefined ? {} : { source: { name, version: other ?? version } };
}

/** Single-line fields of one paragraph of deb822(5). */
function fieldsOf(paragraph: string): Partial<Record<string, string>> {
  const rows = paragraph.split('\n').flatMap((line) => {
    const [, name, value] = /^([A-Za-z-]+): (.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(rows);
}

/** Files of a package's list, where they really lie: packages still name `/bin`, which is a link today. */
function ownFiles(list: string, index: ViewIndex, files: ReadonlyMap<string, ImageFile>): string[] {
  const found = list.split('\n').flatMap((path) => {
    if (!path.startsWith('/')) return [];
    const resolved = resolvePath(index, byteString(path), { followLast: false });
    const real = resolved.type === 'path' ? textOf(resolved.path) : undefined;
    return real !== undefined && files.has(real) ? [real] : [];
  });
  return [...new Set(found)].toSorted();
}

function parseRelease(text: string): Inventory['system'] {
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

function readImageFile(store: LayerStore, index: ViewIndex, path: string): string | undefined {
  const resolved = resolvePath(index, byteString(path), { followLast: true });
  const found: Found | undefined = resolved.type === 'path' ? index.lookupFile(resolved.path) : undefined;
  if (found?.entry.type !== 'file') return undefined;
  return readFileSync(inTree(store.treeDirectory(found.layer), found.entry.path), 'utf8');
}

function sha1Of(tree: string, path: ByteString): string | undefined {
  try {
    return createHash('sha1')
      .update(readFileSync(inTree(tree, path)))
      .digest('hex');
  } catch (error) {
    // Layers of an ordinary user have the owners and modes of the image.
    if (isErrno(error, 'EACCES')) return undefined;
    throw error;
  }
}

const inTree = (tree: string, path: ByteString): Buffer => Buffer.concat([Buffer.from(tree), bytesOf(path)]);
