import { imageLayers } from '../graph/image-layers.ts';
import type { PipelineGraph } from '../model/graph.ts';
import type { Prober } from '../plan/prober.ts';
import type { RunImage } from '../report/run-result.ts';

/** Layers and artifacts of every pipeline of which a run knows all layers. */
export function runImages(graph: PipelineGraph, prober: Prober): RunImage[] {
  const pipelines = [...new Set(graph.nodes.map((node) => node.pipeline.id))];
  return pipelines.flatMap((pipeline): RunImage[] => {
    const nodes = imageLayers(graph, pipeline);
    const layers = nodes.flatMap((step) => {
      const output = prober.output(step);
      return output?.type === 'layer' ? [{ step, digest: output.digest }] : [];
    });
    if (layers.length < nodes.length || layers.length === 0) return [];
    const artifacts = graph.nodes.flatMap((node) => {
      const output = node.pipeline.id === pipeline ? prober.output(node.id) : undefined;
      return output?.type === 'artifact'
        ? [{ name: node.name, size: output.size, sha256: output.sha256 }]
        : [];
    });
    return [{ pipeline, layers, artifacts }];
  });
}
