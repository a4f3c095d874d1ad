import type { Failure } from '../diagnostics/failure.ts';
import type { ManifestIndex } from '../layers/manifest-index.ts';
import { textOf } from '../layers/manifest.ts';
import type { GraphNode, StackSlice } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';

type StepNode = GraphNode & { role: 'step' };

/**
 * Steps that do not see each other (`needs`) and yet change the same path: the upper one would hide what the lower one
 * did, as when two package steps each write the package database. A write-only step above another is no conflict: it
 * is written to win.
 * @param manifestOf manifest of a settled layer node
 */
export function findConflicts(
  stack: StackSlice,
  nodes: ReadonlyMap<NodeId, GraphNode>,
  manifestOf: (id: NodeId) => ManifestIndex,
): Failure[] {
  const layers = stack.stack.slice(0, stack.length);
  return layers.flatMap((id, at): Failure[] => {
    const node = nodes.get(id);
    if (node?.role !== 'step' || node.effect !== 'run' || node.below.only === undefined) return [];
    const seen = new Set(node.below.only);
    return layers.slice(0, at).flatMap((other, position): Failure[] => {
      const below = nodes.get(other);
      if (seen.has(position) || below?.role !== 'step') return [];
      const path = sharedPath(manifestOf(id), manifestOf(other));
      return path === undefined ? [] : [conflict(node, below, path)];
    });
  });
}

/** First path that both layers write or delete; folders may be shared. */
function sharedPath(a: ManifestIndex, b: ManifestIndex): string | undefined {
  for (const entry of a.entries()) {
    const other = b.find(entry.path);
    if (other !== undefined && !(entry.type === 'directory' && other.type === 'directory'))
      return textOf(entry.path);
  }
  return undefined;
}

function conflict(upper: StepNode, lower: StepNode, path: string): Failure {
  return {
    reason: 'layer-conflict',
    message: `${lower.name} and ${upper.name} do not see each other, and both change ${path}`,
    origin: upper.origin,
    related: [{ message: 'the other step', range: lower.origin }],
    stepId: upper.id,
    hint: `Add \`${lower.name}\` to the \`needs\` of ${upper.name}.`,
  };
}
