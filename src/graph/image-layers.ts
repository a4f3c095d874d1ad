import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import { sliceNodes } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';

/** Nodes whose layers make up the image of a pipeline, bottom first; with its seal when it has exports. */
export function imageLayers(graph: PipelineGraph, pipeline: string): readonly NodeId[] {
  const own = graph.nodes.filter((node) => node.pipeline.id === pipeline);
  const seal = own.find((node) => node.role === 'seal');
  if (seal?.role === 'seal') return [...sliceNodes(seal.below), seal.id];
  const steps = own.filter((node): node is GraphNode & { role: 'step' } => node.role === 'step');
  const top = steps.toSorted((a, b) => b.below.length - a.below.length)[0];
  if (top !== undefined) return [...top.below.stack.slice(0, top.below.length), top.id];
  return own.flatMap((node) => (node.role === 'source' ? [node.id] : []));
}
