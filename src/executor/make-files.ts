import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FilesOutput } from '../cache/action-record.ts';
import { fingerprintOf, fingerprintOfPath } from '../cache/stat-cache.ts';
import { FailureError, unwrap } from '../diagnostics/failure.ts';
import { outputFailure, removeOutputIndex, staleTemporaries } from '../exporters/output.ts';
import type { Artifact, ArtifactFile } from '../model/artifact.ts';
import type { GraphNode } from '../model/graph.ts';
import { stepContext } from '../plan/describe.ts';
import type { BuildNode } from '../post-processors/post-processor.ts';
import { runHostCommand } from '../util/exec.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { tracePoint } from '../util/trace-point.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { replacePath } from './make-artifact.ts';
import type { Machines } from './machines.ts';
import type { NodeScope } from './node-scope.ts';
import { optionsAtRun } from './options-at-run.ts';
import type { ExecutorServices } from './services.ts';

type PostNode = GraphNode & { role: 'post' };

/** Runs a post-processor in a folder of its own and moves what it made beside the image when it has succeeded. */
export async function makeFiles(
  node: PostNode,
  scope: NodeScope,
  services: ExecutorServices,
  machines: Machines,
): Promise<FilesOutput> {
  const { prober, journal, kinds, secrets } = services;
  const facts = await machines.facts(node.pipeline);
  const options = optionsAtRun(services, { id: node.id, options: node.post.options }, facts);
  const kind = kinds.posts.mustGet(node.post.type);
  const folder = services.postFolder(node);
  const stage = temporaryName(join(folder, `.${node.name}`));
  const strikes = [journal.add({ type: 'path', path: stage, what: `half-made files of ${node.id}` })];
  if (node.transient === true) journal.lease([basename(folder)]);
  try {
    openStage(folder, stage);
    const placed = new Set<string>();
    const result = await kind.run(options, prober.artifact(node.from), {
      pipeline: node.pipeline,
      exportId: node.export,
      stage,
      placed: (path) => placed.add(path),
      guard: (path, what) => void strikes.push(journal.add({ type: 'path', path, what })),
      scratch: scope.scratch,
      signal: scope.signal,
      log: scope.log,
      status: scope.status,
      progress: scope.progress,
      workspace: { spawn: runHostCommand },
      resolvePath: stepContext(node.pipeline).resolvePath,
      secret: (name) => secrets.get(name),
      layers: { view: node.seal === undefined ? [] : prober.view(node), store: services.layers },
      build: () => buildNodes(node, services),
    });
    const artifact = unwrap(result);
    scope.signal.throwIfAborted();
    tracePoint('post:made');
    return await settleFiles(node, artifact, { stage, folder, placed }, services);
  } finally {
    removeQuietly(stage);
    for (const strike of strikes) strike();
  }
}

function openStage(folder: string, stage: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    const left = staleTemporaries(folder);
    for (const stale of left) rmSync(stale, { force: true, recursive: true });
    rmSync(stage, { force: true, recursive: true });
    mkdirSync(stage);
  } catch (error) {
    const failure = outputFailure(error, folder);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

/** Moves the new files of an artifact to their final names. */
async function settleFiles(
  node: PostNode,
  artifact: Artifact,
  { stage, folder, placed }: { stage: string; folder: string; placed: ReadonlySet<string> },
  services: ExecutorServices,
): Promise<FilesOutput> {
  const isNew = (file: ArtifactFile): boolean => dirname(file.path) === stage;
  const targetOf = (file: ArtifactFile): string => join(folder, basename(file.path));
  const created = artifact.files.filter(isNew);
  const named = new Set(created.map((file) => basename(file.path)));
  const unnamed = (await readdir(stage)).find((name) => !named.has(name));
  if (unnamed !== undefined)
    throw new Error(`${node.post.type} left ${unnamed} that is no part of its result`);
  for (const file of created) refuseTaken(node, targetOf(file), services);
  // Checksums must never be those of other files: the run writes them anew when all are there.
  if (created.length > 0 && node.transient !== true && existsSync(folder)) removeOutputIndex(folder);
  const made: Record<string, string> = {};
  const files = artifact.files.map((file): ArtifactFile => {
    if (!isNew(file)) return file;
    const path = targetOf(file);
    replacePath(file.path, path);
    made[path] = fingerprintOfPath(path);
    return { ...file, path };
  });
  for (const path of placed) made[path] = fingerprintOf(statSync(path, { bigint: true }));
  const id = artifact.id.startsWith(`${stage}/`)
    ? join(folder, artifact.id.slice(stage.length + 1))
    : artifact.id;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return { type: 'files', artifact: { ...artifact, id, files }, made, folder, size };
}

/** Two things that write one file would take turns in every build. */
function refuseTaken(node: PostNode, path: string, { nodes, prober }: ExecutorServices): void {
  for (const other of nodes.values()) {
    if (other.id === node.id) continue;
    const output = prober.output(other.id);
    const isTaken =
      (output?.type === 'artifact' && output.path === path) ||
      (output?.type === 'files' && path in output.made);
    if (!isTaken) continue;
    throw new FailureError({
      reason: 'duplicate-name',
      message: `${node.name} and ${other.name} both write ${basename(path)}`,
      hint: 'Give one of them another name for its file.',
    });
  }
}

function buildNodes(node: PostNode, { nodes, prober }: ExecutorServices): readonly BuildNode[] {
  return prober.nodesBehind(node).flatMap((id) => {
    const of = nodes.get(id);
    const output = prober.output(id);
    if (of === undefined || output === undefined) return [];
    return [{ id, role: of.role, key: prober.key(id) ?? '', inputs: prober.inputs(of), output }];
  });
}
