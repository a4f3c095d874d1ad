import type { GraphNode, PipelineGraph, StackSlice } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';

type StepNode = GraphNode & { role: 'step' };

/**
 * A graph in which a step lies on another one that is put directly below it: whoever sees the step sees both. The new
 * one sees what the step saw. Disks may patch the step in, so that the ones with other steps in its place share their base.
 * @param replaced the step as it is from now on, of the same id
 */
export function insertBelow(graph: PipelineGraph, added: StepNode, replaced: StepNode): PipelineGraph {
  const { id } = replaced;
  const stacks = new Map<readonly NodeId[], readonly NodeId[]>();
  const grow = (slice: StackSlice, isOwn: boolean): StackSlice => {
    const at = slice.stack.indexOf(id);
    if (at < 0) return slice;
    const stack = stacks.get(slice.stack) ?? slice.stack.toSpliced(at, 0, added.id);
    stacks.set(slice.stack, stack);
    const length = slice.length > at || isOwn ? slice.length + 1 : slice.length;
    if (slice.only === undefined) return { stack, length };
    const only = slice.only.flatMap((position) =>
      position < at ? [position] : position === at ? [at, at + 1] : [position + 1],
    );
    return { stack, length, only: isOwn ? [...only, at] : only };
  };
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    if (node.id !== id) {
      const shifted = withSlices(node, (slice) => grow(slice, false));
      return shifted.role === 'disk' && shifted.stack.stack.includes(id)
        ? [{ ...shifted, deltaCandidates: [...shifted.deltaCandidates, id] }]
        : [shifted];
    }
    return [
      { ...added, below: grow(replaced.below, false) },
      { ...replaced, below: grow(replaced.below, true) },
    ];
  });
  const dependencies = new Map(graph.dependencies);
  dependencies.set(added.id, graph.dependencies.get(id) ?? []);
  dependencies.set(id, [added.id]);
  return { nodes, dependencies };
}

function withSlices(node: GraphNode, change: (slice: StackSlice) => StackSlice): GraphNode {
  if (node.role === 'step' || node.role === 'seal') return { ...node, below: change(node.below) };
  if (node.role === 'disk' || node.role === 'export' || node.role === 'post')
    return { ...node, stack: change(node.stack) };
  return node;
}
