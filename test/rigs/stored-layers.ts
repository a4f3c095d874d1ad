import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatInfo, LayerStore } from '../../src/layers/layer-store.ts';
import { byteString, formatManifest, type ManifestEntry } from '../../src/layers/manifest.ts';
import { asDigest, type Digest } from '../../src/model/ids.ts';
import { sha256Hex } from '../../src/util/hash.ts';
import { temporaryFolder } from './temporary-folder.ts';

const ATTRIBUTES = { mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: [] };

/** An entry by its path: text is a file, `null` a whiteout, an object says the rest. */
export type Sketch = Readonly<Record<string, string | null | Partial<ManifestEntry>>>;

/** A store whose layers are sketched: real manifests and file contents, no workspace, no privileges. */
export class StoredLayers {
  readonly store = new LayerStore(join(temporaryFolder(), 'store'));

  /** Stores a layer; folders on the way are added. */
  add(sketch: Sketch): Digest {
    const entries = new Map<string, ManifestEntry>();
    for (const [path, what] of Object.entries(sketch)) {
      for (let folder = dirname(path); !entries.has(folder); folder = dirname(folder))
        entries.set(folder, { type: 'directory', path: folder, opaque: false, ...ATTRIBUTES });
      entries.set(path, entryOf(path, what));
    }
    const manifest = formatManifest([...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)));
    const digest = asDigest(`sha256:${sha256Hex(Buffer.from(manifest, 'latin1'))}`);
    const tree = this.store.treeDirectory(digest);
    mkdirSync(tree, { recursive: true });
    for (const [path, what] of Object.entries(sketch)) {
      if (typeof what !== 'string') continue;
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), what);
    }
    const folder = this.store.layerDirectory(digest);
    writeFileSync(join(folder, 'manifest'), manifest, 'latin1');
    writeFileSync(join(folder, 'info.json'), formatInfo({ size: 0, entries: entries.size }));
    return digest;
  }
}

function entryOf(path: string, what: Sketch[string]): ManifestEntry {
  if (what === null) return { type: 'whiteout', path: byteString(path) };
  if (typeof what !== 'string') return { path: byteString(path), ...ATTRIBUTES, ...what } as ManifestEntry;
  const bytes = Buffer.from(what);
  return {
    type: 'file',
    path: byteString(path),
    ...ATTRIBUTES,
    mode: 0o644,
    size: bytes.length,
    sha256: sha256Hex(bytes),
  };
}
