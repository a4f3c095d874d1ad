import { readFileSync } from 'node:fs';
import type { LayerStore } from '../../layers/layer-store.ts';
import { byteString, bytesOf } from '../../layers/manifest.ts';
import type { NamedLayer } from './subject.ts';

/** What the rows of a text file of an image are at last, and which layer last changed each. */
export interface RowHistory {
  /** Whether any layer has the file. */
  readonly exists: boolean;
  readonly rows: ReadonlyMap<string, string>;
  /** Also for rows that a layer has deleted. */
  readonly changedBy: ReadonlyMap<string, NamedLayer>;
}

/**
 * Follows a file with rows (packages, users) through a stack of layers, each of which has the whole file or none. Two
 * layers that hold the same rows change nothing.
 * @param layers bottom first
 * @param parse text of the file to its rows by name
 */
export function rowHistory(
  store: LayerStore,
  layers: readonly NamedLayer[],
  path: string,
  parse: (text: string) => ReadonlyMap<string, string>,
): RowHistory {
  let rows: ReadonlyMap<string, string> = new Map();
  let exists = false;
  const changedBy = new Map<string, NamedLayer>();
  for (const layer of layers) {
    const found = store.manifest(layer.digest).find(byteString(path));
    if (found === undefined || found.type === 'directory') continue;
    exists = true;
    const next = found.type === 'file' ? parse(readLayerFile(store, layer, path)) : new Map<string, string>();
    for (const name of new Set([...rows.keys(), ...next.keys()])) {
      if (rows.get(name) !== next.get(name)) changedBy.set(name, layer);
    }
    rows = next;
  }
  return { exists, rows, changedBy };
}

function readLayerFile(store: LayerStore, { digest }: NamedLayer, path: string): string {
  return readFileSync(
    Buffer.concat([Buffer.from(store.treeDirectory(digest)), bytesOf(byteString(path))]),
    'utf8',
  );
}
