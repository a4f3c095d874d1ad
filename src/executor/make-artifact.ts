import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { NodeOutput } from '../cache/action-record.ts';
import { fingerprintOfPath } from '../cache/stat-cache.ts';
import { FailureError, unwrap } from '../diagnostics/failure.ts';
import type { ExportContext } from '../exporters/exporter.ts';
import { outputFailure, removeOutputIndex, staleTemporaries } from '../exporters/output.ts';
import { digestOfPath } from '../exporters/path-digest.ts';
import { stepContext } from '../plan/describe.ts';
import type { Artifact } from '../model/artifact.ts';
import { topOf, type GraphNode } from '../model/graph.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { tracePoint } from '../util/trace-point.ts';
import { cacheMountFolder } from './cache-mount.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { ensureDisk, type DiskFile } from './make-disk.ts';
import { whichDiskIsFull } from './full-disk.ts';
import type { Machines } from './machines.ts';
import type { NodeScope } from './node-scope.ts';
import { optionsAtRun } from './options-at-run.ts';
import type { ExecutorServices } from './services.ts';

/** Runs an exporter into a temporary file beside its final name and renames it when it is whole. */
export async function makeArtifact(
  node: GraphNode & { role: 'export' },
  scope: NodeScope,
  services: ExecutorServices,
  machines: Machines,
): Promise<NodeOutput> {
  const kind = services.kinds.exports.mustGet(node.export.type);
  const path = services.artifactPath(node);
  const temporary = temporaryName(path);
  const strike = services.journal.add({ type: 'path', path: temporary, what: `half-written ${node.id}` });
  try {
    const folder = dirname(path);
    if (node.transient === true) services.journal.lease([basename(folder)]);
    await makeOutputFolder(folder);
    const left = staleTemporaries(folder);
    for (const stale of left) rmSync(stale, { force: true, recursive: true });
    const diskNode = node.disk === undefined ? undefined : services.nodes.get(node.disk);
    const disk =
      diskNode?.role === 'disk' ? await ensureDisk(diskNode, scope, services, machines) : undefined;
    const needsFile = kind.readsImage?.(node.export.options) !== true;
    const facts = await machines.facts(node.pipeline);
    const options = optionsAtRun(services, { id: node.id, options: node.export.options }, facts);
    const result = await kind.run(options, {
      pipeline: node.pipeline,
      disk: disk && exportDisk(disk, needsFile ? await disk.materialise(scope) : undefined),
      layers: node.seal === undefined ? [] : services.prober.view(node),
      machine: machineState(node, services),
      workspace: await services.workspace(),
      fileName: basename(path),
      outputPath: temporary,
      scratch: scope.scratch,
      resolvePath: stepContext(node.pipeline).resolvePath,
      secret: (name) => services.secrets.get(name),
      cacheFolder: (id) => cacheMountFolder(services.layout, id),
      signal: scope.signal,
      log: scope.log,
      progress: scope.progress,
    });
    const exported = unwrap(result) ?? undefined;
    scope.signal.throwIfAborted();
    if (exported !== undefined && 'artifact' in exported) return filesOutput(exported.artifact);
    const { size, sha256 } =
      exported === undefined
        ? await digestOfPath(temporary, scope.signal)
        : { size: statSync(temporary).size, sha256: exported.sha256 };
    tracePoint('export:exported');
    // Checksums must never be those of another image: the run writes them anew when all images are there.
    removeOutputIndex(folder);
    tracePoint('export:index-removed');
    replacePath(temporary, path);
    tracePoint('export:renamed');
    const fingerprint = fingerprintOfPath(path);
    return { type: 'artifact', path, size, sha256, fingerprint };
  } catch (error) {
    throw whichDiskIsFull(error, { output: dirname(path), cache: services.layout.root });
  } finally {
    removeQuietly(temporary);
    strike();
  }
}

/** @throws FailureError `permission-denied`, `disk-full` */
async function makeOutputFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const failure = outputFailure(error, folder);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

/** An artifact that lies elsewhere than in the output folder. */
function filesOutput(artifact: Artifact): NodeOutput {
  const made = artifact.files.map(({ path }) => [path, fingerprintOfPath(path)] as const);
  const size = artifact.files.reduce((sum, file) => sum + file.size, 0);
  return { type: 'files', artifact, made: Object.fromEntries(made), folder: '', size };
}

function exportDisk({ image, key }: DiskFile, path: string | undefined): NonNullable<ExportContext['disk']> {
  return {
    image,
    size: image.size,
    key,
    get path(): string {
      if (path === undefined)
        throw new Error('an exporter that says `readsImage` asked for the disk as a file');
      return path;
    },
  };
}

/** A rename replaces a file at once, so that there is always a whole image; a folder has to leave first. */
export function replacePath(source: string, target: string): void {
  const isFolder = existsSync(target) && (statSync(target).isDirectory() || statSync(source).isDirectory());
  if (isFolder) rmSync(target, { force: true, recursive: true });
  renameSync(source, target);
}

/** The last state of a builder's machine, for exporters of `input: 'machine'`. */
function machineState(
  node: GraphNode & { role: 'export' },
  services: ExecutorServices,
): ExportContext['machine'] {
  const top = node.seal === undefined && node.disk === undefined ? topOf(node.stack) : undefined;
  if (top === undefined) return undefined;
  const digest = services.prober.digest(top);
  return { digest, folder: services.snapshots.folder(digest), info: services.snapshots.info(digest) };
}
