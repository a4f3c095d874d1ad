import type { GraphNode } from '../model/graph.ts';

/** Bounds how many pipelines have running nodes at a time (`-parallel-builds`). A slot is kept until the pipeline ends. */
export class PipelineSlots {
  readonly #limit: number;
  readonly #active = new Set<string>();
  readonly #open = new Map<string, number>();

  /** @param limit 0: no bound */
  constructor(limit: number, nodes: readonly GraphNode[]) {
    this.#limit = limit;
    for (const { pipeline } of nodes) this.#open.set(pipeline.id, (this.#open.get(pipeline.id) ?? 0) + 1);
  }

  /** Whether a node of this pipeline may start now. */
  has(node: GraphNode): boolean {
    return this.#limit === 0 || this.#active.has(node.pipeline.id) || this.#active.size < this.#limit;
  }

  enter(node: GraphNode): void {
    this.#active.add(node.pipeline.id);
  }

  /** Called once for every node that ended. */
  leave(node: GraphNode): void {
    const open = (this.#open.get(node.pipeline.id) ?? 1) - 1;
    this.#open.set(node.pipeline.id, open);
    if (open === 0) this.#active.delete(node.pipeline.id);
  }
}
