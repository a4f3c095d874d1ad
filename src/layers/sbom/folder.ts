import path from 'node:path';
import type { Inventory } from './inventory.ts';

export type SbomFormat = 'cyclonedx-json' | 'spdx-json';

/** The bill of materials of a folder that holds a system, as a document. @param root the folder */
export async function folderSbom(root: string, format: SbomFormat, inventory: Inventory): Promise<object> {
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
