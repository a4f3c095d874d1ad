import type { GraphNode } from '../model/graph.ts';

/**
 * Bounds how many pipelines have running nodes at a time (`-parallel-builds`): the first ones of the graph that have
 * not ended, so that with one at a time they run in their order.
 */
export class PipelineSlots {
  readonly #limit: number;
  /** How many nodes each pipeline still has, in the order of the graph; those that have ended are gone. */
  readonly #open = new Map<string, number>();

  /** @param limit 0: no bound */
  constructor(limit: number, nodes: readonly GraphNode[]) {
    this.#limit = limit;
    for (const { pipeline } of nodes) this.#open.set(pipeline.id, (this.#open.get(pipeline.id) ?? 0) + 1);
  }

  /** Whether a node of this pipeline may start now. */
  has(node: GraphNode): boolean {
    if (this.#limit === 0) return true;
    let rank = 0;
    for (const id of this.#open.keys()) {
      if (id === node.pipeline.id) return rank < this.#limit;
      rank += 1;
      if (rank >= this.#limit) return false;
    }
    return true;
  }

  /** Called once for every node that ended. */
  leave(node: GraphNode): void {
    const open = (this.#open.get(node.pipeline.id) ?? 1) - 1;
    if (open > 0) this.#open.set(node.pipeline.id, open);
    else this.#open.delete(node.pipeline.id);
  }
}
