import { FailureError } from '../diagnostics/failure.ts';
import { imageNodes, sliceNodes, type GraphNode } from '../model/graph.ts';
import type { Digest, NodeId } from '../model/ids.ts';
import type { ExecutorServices } from './services.ts';

/** Nodes whose layers a node works on; none where a builder's own machine holds the state. */
export function layersUnder(node: GraphNode): readonly NodeId[] {
  if (node.pipeline.builder !== undefined) return [];
  if (node.role === 'step' || node.role === 'seal') return sliceNodes(node.below);
  if (node.role === 'disk' || node.role === 'export' || node.role === 'post') return imageNodes(node);
  return [];
}

/**
 * Makes layers whole again that the cache named, but that turn out damaged or deleted when they are needed: by running
 * their nodes again. Corrupt equals miss, also where it shows late.
 */
export class LayerMender {
  readonly #services: ExecutorServices;
  /** Runs a node that is not in the cache; gives the digest of its layer. */
  readonly #rerun: (node: GraphNode, signal: AbortSignal) => Promise<Digest>;
  readonly #mending = new Map<Digest, Promise<void>>();

  constructor(services: ExecutorServices, rerun: (node: GraphNode, signal: AbortSignal) => Promise<Digest>) {
    this.#services = services;
    this.#rerun = rerun;
  }

  /** @throws FailureError what running them again gave; `store-invalid` when one comes out different */
  async mendUnder(node: GraphNode, signal: AbortSignal): Promise<void> {
    const { prober, layers } = this.#services;
    for (const id of layersUnder(node)) {
      const { digest } = prober.layer(id);
      if (layers.isUsable(digest)) continue;
      // Two nodes may need the same layer at the same time.
      let mending = this.#mending.get(digest);
      if (mending === undefined) {
        mending = this.#mend(id, digest, signal).finally(() => this.#mending.delete(digest));
        this.#mending.set(digest, mending);
      }
      await mending;
    }
  }

  async #mend(id: NodeId, digest: Digest, signal: AbortSignal): Promise<void> {
    const { layers, nodes, sink, workspace } = this.#services;
    const node = nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    sink.emit({
      type: 'notice',
      level: 'warning',
      message: `the layer of ${id} is damaged or gone; it is made again`,
      id,
    });
    layers.forget(digest);
    await (await workspace()).remove(layers.layerDirectory(digest));
    if ((await this.#rerun(node, signal)) === digest) return;
    throw new FailureError({
      reason: 'store-invalid',
      message: `the layer of ${id} was damaged or gone, and came out different when it was made again`,
      origin: node.origin,
      stepId: id,
      hint: 'Build once more: the steps after it then run on the new layer.',
    });
  }
}
