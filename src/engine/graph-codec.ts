import type { GraphNode, PipelineGraph, StackSlice } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Pipeline } from '../model/pipeline.ts';

/** A slice as data; `stack` is an index into the list of stacks. */
interface SliceData {
  readonly stack: number;
  readonly length: number;
  readonly only?: readonly number[];
}

/** A graph as plain data: pipelines and stacks, which many nodes share, stand once. */
export interface GraphData {
  readonly pipelines: readonly Pipeline[];
  readonly stacks: readonly (readonly NodeId[])[];
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly dependencies: readonly (readonly [NodeId, readonly NodeId[]])[];
}

const SLICES = ['below', 'stack'] as const;

export function encodeGraph(graph: PipelineGraph): GraphData {
  const pipelines = new Index<Pipeline>();
  const stacks = new Index<readonly NodeId[]>();
  const slice = ({ stack, length, only }: StackSlice): SliceData => ({
    stack: stacks.of(stack),
    length,
    only,
  });
  const nodes = graph.nodes.map((node) => {
    const data: Record<string, unknown> = { ...node, pipeline: pipelines.of(node.pipeline) };
    for (const name of SLICES) {
      if (name in node)
        data[name] = slice((node as unknown as Record<string, StackSlice>)[name] as StackSlice);
    }
    return data;
  });
  return { pipelines: pipelines.items, stacks: stacks.items, nodes, dependencies: [...graph.dependencies] };
}

export function decodeGraph(data: GraphData): PipelineGraph {
  const slice = ({ stack, length, only }: SliceData): StackSlice => ({
    stack: data.stacks[stack] ?? [],
    length,
    only,
  });
  const nodes = data.nodes.map((encoded) => {
    const node: Record<string, unknown> = {
      ...encoded,
      pipeline: data.pipelines[encoded['pipeline'] as number],
    };
    for (const name of SLICES) {
      if (name in encoded) node[name] = slice(encoded[name] as SliceData);
    }
    // Sound for what `encodeGraph` made: the fields of a node and nothing else.
    return node as unknown as GraphNode;
  });
  return { nodes, dependencies: new Map(data.dependencies) };
}

class Index<T extends object> {
  readonly items: T[] = [];
  readonly #known = new Map<T, number>();

  of(item: T): number {
    let at = this.#known.get(item);
    if (at === undefined) {
      at = this.items.length;
      this.items.push(item);
      this.#known.set(item, at);
    }
    return at;
  }
}
