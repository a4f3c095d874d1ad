import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { NodeOutput } from '../cache/action-record.ts';
import { fingerprintOf } from '../cache/stat-cache.ts';
import { unwrap } from '../diagnostics/failure.ts';
import type { ExportContext } from '../exporters/exporter.ts';
import { sha256OfFile } from '../exporters/file-digest.ts';
import { removeOutputIndex, staleTemporaries } from '../exporters/output.ts';
import type { GraphNode } from '../model/graph.ts';
import { identifyProcess } from '../util/process-identity.ts';
import { tracePoint } from '../util/trace-point.ts';
import { ensureDisk, type DiskFile } from './make-disk.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

/** Runs an exporter into a temporary file beside its final name and renames it when it is whole. */
export async function makeArtifact(
  node: GraphNode & { role: 'export' },
  scope: NodeScope,
  services: ExecutorServices,
): Promise<NodeOutput> {
  const kind = services.kinds.exports.mustGet(node.export.type);
  const path = services.artifactPath(node);
  const temporary = `${path}.tmp-${process.pid}`;
  const strike = services.journal.add({ type: 'path', path: temporary, what: `half-written ${node.id}` });
  try {
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    const left = staleTemporaries(folder, (pid) => identifyProcess(pid) !== undefined);
    for (const stale of left) rmSync(stale, { force: true, recursive: true });
    const diskNode = node.disk === undefined ? undefined : services.nodes.get(node.disk);
    const disk = diskNode?.role === 'disk' ? await ensureDisk(diskNode, scope, services) : undefined;
    const needsFile = kind.readsImage?.(node.export.options) !== true;
    const result = await kind.run(node.export.options, {
      pipeline: node.pipeline,
      disk: disk && exportDisk(disk, needsFile ? await disk.materialise(scope) : undefined),
      layers: services.prober.view(node),
      workspace: await services.workspace(),
      fileName: basename(path),
      outputPath: temporary,
      scratch: scope.scratch,
      signal: scope.signal,
      log: scope.log,
      progress: scope.progress,
    });
    const exported = unwrap(result);
    scope.signal.throwIfAborted();
    const sha256 = exported?.sha256 ?? (await sha256OfFile(temporary, scope.signal));
    tracePoint('export:exported');
    // Checksums must never be those of another image: the run writes them anew when all images are there.
    removeOutputIndex(folder);
    tracePoint('export:index-removed');
    replace(temporary, path);
    tracePoint('export:renamed');
    const stat = statSync(path, { bigint: true });
    return { type: 'artifact', path, size: Number(stat.size), sha256, fingerprint: fingerprintOf(stat) };
  } finally {
    rmSync(temporary, { force: true, recursive: true });
    strike();
  }
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
function replace(source: string, target: string): void {
  const isFolder = existsSync(target) && (statSync(target).isDirectory() || statSync(source).isDirectory());
  if (isFolder) rmSync(target, { force: true, recursive: true });
  renameSync(source, target);
}
