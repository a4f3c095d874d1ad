import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { StoreLayout } from '../cache/store-layout.ts';
import type { ActiveLayer, CommitRules } from '../layers/workspace.ts';
import type { GraphNode } from '../model/graph.ts';
import { asDigest, type NodeId } from '../model/ids.ts';
import type { View } from '../model/layer.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import type { LayerServices } from './services.ts';

const schema = z.object({
  node: z.string(),
  /** Bottom first; the last one is what the failed step had written when it failed. */
  layers: z.array(z.object({ digest: z.string(), size: z.number(), entries: z.number() })),
  failedAt: z.string(),
});

/**
 * Keeps what a failed step had written so far, for `imgpipe shell`. It is no record: no key leads to it, and a retry
 * starts from the clean layers below.
 */
export async function keepFailedLayer(
  node: GraphNode,
  view: View,
  active: ActiveLayer,
  rules: CommitRules,
  services: LayerServices,
): Promise<void> {
  const workspace = await services.workspace();
  try {
    const layer = await workspace.commit(active, rules);
    const file = services.layout.nodeFile('failed', services.project, node.id);
    const record = { node: node.id, layers: [...view, layer], failedAt: new Date().toISOString() };
    writeFileAtomic(file, JSON.stringify(record satisfies z.input<typeof schema>));
  } catch {
    // Out of space or the like: the step's own failure is what the user must see.
    await workspace.discard(active).catch(() => undefined);
  }
}

/** Where the last failure of a node left its layers (bottom first), and when; undefined when it never failed. */
export function readFailedLayers(
  layout: StoreLayout,
  project: string,
  node: NodeId,
): { readonly layers: View; readonly failedAt: string } | undefined {
  try {
    const record = schema.parse(JSON.parse(readFileSync(layout.nodeFile('failed', project, node), 'utf8')));
    const layers = record.layers.map((layer) => ({ ...layer, digest: asDigest(layer.digest) }));
    return { layers, failedAt: record.failedAt };
  } catch {
    return undefined;
  }
}
