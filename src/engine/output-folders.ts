import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fail, FailureError, ok, unwrap, type Failure, type Result } from '../diagnostics/failure.ts';
import type { OutputArtifact, OutputManifest } from '../exporters/output-manifest.ts';
import { artifactFileName, outputFailure, writeOutputIndex } from '../exporters/output.ts';
import { folderMistake } from '../exporters/writable-folder.ts';
import type { ArtifactFile } from '../model/artifact.ts';
import { imageNodes, type GraphNode, type PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Prober } from '../plan/prober.ts';
import { VERSION } from '../util/version.ts';
import { keepVersions, type ExportVersion } from './retention.ts';
import type { Session } from './session.ts';

type ExportNode = GraphNode & { role: 'export' };
type FileNode = GraphNode & { role: 'export' | 'post' };

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
  const targetsOf = Map.groupBy(
    graph.nodes.filter((node): node is FileNode => node.role === 'export' || node.role === 'post'),
    (node) => node.pipeline,
  );
  for (const [pipeline, targets] of targetsOf) {
    if (pipeline.elsewhere === true) continue;
    const nodes = targets.filter((node): node is ExportNode => node.role === 'export');
    const [first] = nodes;
    if (first === undefined || targets.some((node) => prober.output(node.id) === undefined)) continue;
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
      layers: imageNodes(first).flatMap((id) => layerOf(id, prober)),
      ...(disk?.type === 'disk' ? { diskKey: disk.diskKey } : {}),
      artifacts: targets.flatMap((node) => describe(node, folder, prober)),
    };
    unwrap(writeOutputIndex(session.config.output, manifest));
    if (changed) keep(folder, nodes, targets, prober);
  }
}

/**
 * Whether all files that a run may still have to make can be written to the folders where they belong. Folders in which
 * everything is as it should be are not looked at.
 * @param prober knows the outputs of all nodes that need not run
 */
export function checkOutputFolders(session: Session, graph: PipelineGraph, prober: Prober): Result<void> {
  const failures = new Map<string, Failure | undefined>();
  for (const node of graph.nodes) {
    if (node.role !== 'export' && node.role !== 'post') continue;
    const folder = session.folderOf(node);
    const isMade = node.transient === true || prober.output(node.id) !== undefined;
    if (isMade || node.pipeline.elsewhere === true || failures.has(folder)) continue;
    const mistake = folderMistake(folder);
    failures.set(folder, mistake && { ...mistake, origin: node.origin });
  }
  const found = [...failures.values()].filter((failure) => failure !== undefined);
  return found.length > 0 ? fail(...found) : ok();
}

/** Layers have entries; states of machines are named by their digest alone. */
function layerOf(id: NodeId, prober: Prober): OutputManifest['layers'] {
  const output = prober.output(id);
  if (output?.type === 'layer') return [{ name: id, ...prober.layer(id) }];
  return output?.type === 'snapshot'
    ? [{ name: id, digest: output.digest, size: output.size, entries: 0 }]
    : [];
}

/** The files of a node that lie in the output folder; others are for post-processors or were sent away. */
function describe(node: FileNode, folder: string, prober: Prober): OutputArtifact[] {
  const description = prober.description(node.id);
  const reproducible = (description.artifact ?? description.post)?.reproducible ?? false;
  const made = madeFiles(node, folder, prober);
  return made.map(({ path, size, sha256 }) => ({
    name: made.length === 1 ? node.name : `${node.name}/${basename(path)}`,
    type: description.kind,
    file: basename(path),
    ...(statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? { folder: true as const } : {}),
    size,
    sha256,
    reproducible,
    key: prober.key(node.id) ?? '',
  }));
}

function madeFiles(node: FileNode, folder: string, prober: Prober): readonly ArtifactFile[] {
  const output = prober.output(node.id);
  const files =
    output?.type === 'artifact'
      ? [output]
      : output?.type === 'files'
        ? output.artifact.files.filter(({ path }) => path in output.made)
        : [];
  return files.filter(({ path }) => dirname(path) === folder);
}

/** Deletes old versions and sets the links to the newest ones. */
function keep(
  folder: string,
  nodes: readonly ExportNode[],
  targets: readonly FileNode[],
  prober: Prober,
): void {
  const versions = nodes.map((node): ExportVersion => {
    const own = targets.filter((each) => each === node || (each.role === 'post' && each.export === node.id));
    const files = own.flatMap((each) => madeFiles(each, folder, prober)).map(({ path }) => basename(path));
    const { keep: count, latest, fileName: _, ...item } = node.export;
    const [first] = files;
    const plain = first === undefined ? undefined : endingOf(first, node, prober);
    return {
      export: node.name,
      files,
      ...(count === undefined ? {} : { keep: count }),
      ...(latest === true && plain !== undefined
        ? { latest: artifactFileName(node.pipeline.id, { ...item, suffix: '-latest' }, plain) }
        : {}),
    };
  });
  try {
    keepVersions(folder, versions);
  } catch (error) {
    const failure = outputFailure(error, folder);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

/** Ending of an export's file, with what a post-processor that took its place has added. */
function endingOf(file: string, node: ExportNode, prober: Prober): string {
  const { extension = '' } = prober.description(node.id).artifact ?? {};
  const at = file.lastIndexOf(`.${extension}`);
  return extension === '' || at < 0 ? extension : file.slice(at + 1);
}
