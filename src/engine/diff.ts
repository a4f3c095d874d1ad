import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { outputManifestSchema } from '../exporters/output-manifest.ts';
import { imageLayers } from '../graph/image-layers.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import { asDigest, type NodeId } from '../model/ids.ts';
import { makeDiff, type DiffReport } from '../report/diff/diff-report.ts';
import type { DiffSubject, NamedLayer } from '../report/diff/subject.ts';
import { listRunResults, readRunResult, RUN_ID, type RunImage } from '../report/run-result.ts';
import type { Session } from './session.ts';
import { findNode } from './why.ts';

/** Everything that a name can lead to; the graph is made only when a name needs it. */
export interface DiffContext {
  readonly session: Session;
  /** Folder against which paths are resolved. */
  readonly cwd: string;
  readonly graph: () => Promise<Result<PipelineGraph>>;
}

/**
 * Compares what two names stand for: files that imgpipe exported (or their folders), runs (`RUN`, `RUN:pipeline`),
 * layers by digest, pipelines and steps. With one name, a pipeline, its image is compared with that of the last run
 * in which it was another.
 */
export async function diff(
  context: DiffContext,
  before: string,
  after: string | undefined,
): Promise<Result<readonly DiffReport[]>> {
  const pairs = after === undefined ? await withLast(context, before) : await pair(context, before, after);
  if (!pairs.ok) return pairs;
  return ok(pairs.value.map(([a, b]) => makeDiff(context.session.layers, a, b)));
}

type Pairs = readonly (readonly [DiffSubject, DiffSubject])[];

async function pair(context: DiffContext, before: string, after: string): Promise<Result<Pairs>> {
  const a = await subjectsOf(context, before);
  if (!a.ok) return a;
  const b = await subjectsOf(context, after);
  if (!b.ok) return b;
  const [only] = a.value.length === 1 ? a.value : [];
  const [other] = b.value.length === 1 ? b.value : [];
  if (only !== undefined && other !== undefined) return ok([[only, other]]);
  const pairs = a.value.flatMap((subject) => {
    const same = b.value.find(({ pipeline }) => pipeline === subject.pipeline);
    return same === undefined ? [] : [[subject, same] as const];
  });
  if (pairs.length > 0) return ok(pairs);
  return unknown(
    `${before} and ${after} have no pipeline in common`,
    'Name the pipeline of a run, as in RUN:pipeline.',
  );
}

async function withLast(context: DiffContext, name: string): Promise<Result<Pairs>> {
  const now = await subjectsOf(context, name);
  if (!now.ok) return now;
  const [subject] = now.value;
  const { layout } = context.session;
  if (subject === undefined || now.value.length > 1 || subject.type === 'layer')
    return unknown(`${name} is not the image of one pipeline`, 'Name two things to compare.');
  const digests = JSON.stringify(subject.layers.map(({ digest }) => digest));
  for (const runId of listRunResults(layout)) {
    const image = readRunResult(layout, runId)?.images.find(({ pipeline }) => pipeline === subject.pipeline);
    if (image === undefined || JSON.stringify(image.layers.map(({ digest }) => digest)) === digests) continue;
    return ok([[subjectOfRun(runId, image), subject]]);
  }
  return unknown(`no run is known in which ${name} was another image`, 'Name two things to compare.');
}

async function subjectsOf(context: DiffContext, name: string): Promise<Result<readonly DiffSubject[]>> {
  const path = resolve(context.cwd, name);
  const file = existsSync(path) ? exported(path) : undefined;
  // A pipeline may be called like some other file or folder that is here.
  if (file?.ok === true || (file !== undefined && /^\.{0,2}\//.test(name))) return single(file);
  const [run = '', pipeline] = name.split(':');
  if (RUN_ID.test(run)) return ofRun(context.session, run, pipeline);
  const hex = /^(?:sha256:)?([0-9a-f]{6,64})$/.exec(name)?.[1];
  if (hex !== undefined) {
    const found = context.session.layers.listLayers().filter((digest) => digest.startsWith(`sha256:${hex}`));
    if (found.length > 1) return unknown(`${name} is the beginning of ${found.length} layers' digests`);
    if (found[0] !== undefined) return ok([{ name, type: 'layer', layers: [{ digest: found[0] }] }]);
    if (name.startsWith('sha256:')) return unknown(`there is no layer ${name} in the cache`);
  }
  const graph = await context.graph();
  return graph.ok ? single(ofTemplate(context.session, graph.value, name)) : graph;
}

/** The image behind an exported file or an output folder, by the manifest beside it. */
function exported(path: string): Result<DiffSubject> {
  const isFolder = statSync(path).isDirectory();
  const file = join(isFolder ? path : dirname(path), 'manifest.json');
  const manifest = existsSync(file) ? outputManifestSchema.safeParse(readJson(file)) : undefined;
  if (manifest?.success !== true)
    return unknown(`${path} is no image of imgpipe: there is no manifest.json beside it`);
  const { pipeline, layers, artifacts } = manifest.data;
  const chosen =
    isFolder || path === file ? artifacts : artifacts.filter((artifact) => artifact.file === basename(path));
  if (chosen.length === 0) return unknown(`the manifest.json beside ${path} does not name it`);
  return ok({
    name: path,
    type: 'image',
    pipeline,
    layers: layers.map((layer) => ({ step: layer.name, digest: asDigest(layer.digest) })),
    artifacts: chosen.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
  });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function ofRun(
  session: Session,
  runId: string,
  pipeline: string | undefined,
): Result<readonly DiffSubject[]> {
  const result = readRunResult(session.layout, runId);
  if (result === undefined) {
    const known = listRunResults(session.layout).filter((id) => readRunResult(session.layout, id));
    const hint = known.length === 0 ? undefined : `The last runs are ${known.slice(0, 3).join(', ')}.`;
    return unknown(`nothing is known of what the run ${runId} gave`, hint);
  }
  const images = result.images.filter((image) => pipeline === undefined || image.pipeline === pipeline);
  if (images.length > 0) return ok(images.map((image) => subjectOfRun(runId, image)));
  return unknown(`the run ${runId} gave no image${pipeline === undefined ? '' : ` of ${pipeline}`}`);
}

function subjectOfRun(runId: string, image: RunImage): DiffSubject {
  const layers = image.layers.map(({ step, digest }) => ({ step, digest: asDigest(digest) }));
  return { ...image, name: `${runId}:${image.pipeline}`, type: 'image', layers };
}

/** A pipeline's image or a step's layer, as they were built last. */
function ofTemplate(session: Session, graph: PipelineGraph, name: string): Result<DiffSubject> {
  const isPipeline = graph.nodes.some((node) => node.pipeline.id === name);
  if (isPipeline) {
    const layers = imageLayers(graph, name).map((id) => lastLayer(session, id));
    const missing = layers.find((layer) => !layer.ok);
    if (missing?.ok === false) return missing;
    const value = layers.flatMap((layer) => (layer.ok ? [layer.value] : []));
    return ok({
      name,
      type: 'image',
      pipeline: name,
      layers: value,
      artifacts: artifactsOf(session, graph, name),
    });
  }
  const node = findNode(graph, name);
  if (!node.ok) return node;
  const layer = lastLayer(session, node.value.id);
  return layer.ok ? ok({ name: node.value.id, type: 'layer', layers: [layer.value] }) : layer;
}

function lastLayer(session: Session, id: NodeId): Result<NamedLayer> {
  const output = session.actions.latest(id)?.output;
  if (output?.type === 'layer') return ok({ step: id, digest: asDigest(output.digest) });
  return output === undefined
    ? unknown(`${id} has not been built yet`, 'Run `imgpipe build` first.')
    : unknown(`${id} gives no layer that could be compared`);
}

function artifactsOf(session: Session, graph: PipelineGraph, pipeline: string): DiffSubject['artifacts'] {
  const exports = graph.nodes.filter((node) => node.pipeline.id === pipeline && node.role === 'export');
  return exports.flatMap(({ id, name }: GraphNode) => {
    const output = session.actions.latest(id)?.output;
    return output?.type === 'artifact' ? [{ name, size: output.size, sha256: output.sha256 }] : [];
  });
}

const single = (subject: Result<DiffSubject>): Result<readonly DiffSubject[]> =>
  subject.ok ? ok([subject.value]) : subject;

const unknown = (message: string, hint?: string): { ok: false; failures: readonly Failure[] } =>
  fail({ reason: 'template-not-found', message, hint });
