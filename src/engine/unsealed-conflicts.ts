import type { Failure } from '../diagnostics/failure.ts';
import { findConflicts } from '../executor/layer-conflicts.ts';
import { imageLayers } from '../graph/image-layers.ts';
import type { PipelineGraph } from '../model/graph.ts';
import type { Prober } from '../plan/prober.ts';
import type { Session } from './session.ts';

/**
 * Steps of pipelines without exports that change one path and do not see each other. In a pipeline with exports its
 * seal finds them.
 */
export function unsealedConflicts(session: Session, graph: PipelineGraph, prober: Prober): Failure[] {
  const sealed = new Set(graph.nodes.flatMap((node) => (node.role === 'seal' ? [node.pipeline.id] : [])));
  const open = graph.nodes.filter(
    (node) =>
      node.role === 'step' &&
      node.effect === 'run' &&
      node.below.only !== undefined &&
      node.below.only.length < node.below.length &&
      !sealed.has(node.pipeline.id),
  );
  if (open.length === 0) return [];
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return [...new Set(open.map((node) => node.pipeline.id))].flatMap((pipeline) => {
    const stack = imageLayers(graph, pipeline);
    if (stack.some((id) => prober.output(id)?.type !== 'layer')) return [];
    return findConflicts({ stack, length: stack.length }, nodes, (id) =>
      session.layers.manifest(prober.layer(id).digest),
    );
  });
}
