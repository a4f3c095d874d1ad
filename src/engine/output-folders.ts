import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unwrap } from '../diagnostics/failure.ts';
import type { OutputArtifact, OutputManifest } from '../exporters/output-manifest.ts';
import { writeOutputIndex } from '../exporters/output.ts';
import { sliceNodes, type GraphNode, type PipelineGraph } from '../model/graph.ts';
import type { Prober } from '../plan/prober.ts';
import { VERSION } from '../util/version.ts';
import type { Session } from './session.ts';

type ExportNode = GraphNode & { role: 'export' };

/**
 * Writes checksums, manifest and Terraform variables of every pipeline whose exports are all there.
 * @param changed false when nothing ran: then only missing files are written
 * @throws FailureError `permission-denied`, `disk-full`
 */
export function writeOutputFolders(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  changed: boolean,
): void {
  const exportsOf = Map.groupBy(
    graph.nodes.filter((node): node is ExportNode => node.role === 'export'),
    (node) => node.pipeline,
  );
  for (const [pipeline, nodes] of exportsOf) {
    const [first] = nodes;
    if (first === undefined || nodes.some((node) => prober.output(node.id)?.type !== 'artifact')) continue;
    const folder = session.outputFolder(pipeline);
    if (!changed && ['SHA256SUMS', 'manifest.json'].every((name) => existsSync(join(folder, name)))) continue;
    const disk = nodes.flatMap((node) =>
      node.disk === undefined ? [] : (prober.output(node.disk) ?? []),
    )[0];
    const manifest: OutputManifest = {
      manifestVersion: 1,
      createdBy: { name: 'imgpipe', version: VERSION },
      pipeline: pipeline.id,
      architecture: pipeline.architecture,
      sourceDateEpoch: pipeline.sourceDateEpoch,
      layers: [...sliceNodes(first.stack), first.seal].map((id) => ({ name: id, ...prober.layer(id) })),
      ...(disk?.type === 'disk' ? { diskKey: disk.diskKey } : {}),
      artifacts: nodes.flatMap((node) => describe(node, prober)),
    };
    unwrap(writeOutputIndex(session.config.output, manifest));
  }
}

function describe(node: ExportNode, prober: Prober): OutputArtifact[] {
  const output = prober.output(node.id);
  if (output?.type !== 'artifact') return [];
  const reproducible = prober.description(node.id).artifact?.reproducible ?? false;
  const { path, size, sha256 } = output;
  const key = prober.key(node.id) ?? '';
  return [{ name: node.name, type: node.export.type, file: basename(path), size, sha256, reproducible, key }];
}
