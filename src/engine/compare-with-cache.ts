import { existsSync, statSync } from 'node:fs';
import type { ActionRecord, LatestRecord, NodeOutput } from '../cache/action-record.ts';
import { keyOf, type KeyInputs } from '../cache/key-inputs.ts';
import type { QuarantinedKey } from '../cache/quarantine.ts';
import type { PipelineGraph } from '../model/graph.ts';
import { compareViews } from '../layers/compare-layers.ts';
import { textOf } from '../layers/manifest.ts';
import { asDigest, asNodeId, type Digest } from '../model/ids.ts';
import type { NodeDescription } from '../plan/describe.ts';
import { explainChanges } from '../plan/explain.ts';
import { auditLayers } from '../report/audit-report.ts';
import { compareBytes } from '../report/diff/byte-difference.ts';
import type { FullRow, FullVerdict } from '../report/full-report.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import type { CompiledProject } from './compile.ts';
import type { Session } from './session.ts';

export interface Comparison {
  readonly rows: readonly FullRow[];
  readonly quarantined: readonly QuarantinedKey[];
}

/**
 * Compares what a build beside the cache gave with what the cache has, node by node. A key that gave two results is
 * quarantined at once.
 */
export function compareWithCache(
  session: Session,
  beside: Session,
  { graph, descriptions }: CompiledProject,
): Comparison {
  const quarantined: QuarantinedKey[] = [];
  const rows = graph.nodes.flatMap((node): FullRow[] => {
    // Its bytes show in the exports.
    if (node.role === 'disk') return [];
    const built = beside.actions.latest(node.id);
    const row = { id: node.id, pipeline: node.pipeline.id, name: node.name };
    if (built === undefined) return [{ ...row, verdict: { type: 'failed' } }];
    const cached = cachedResult(session, built);
    const reason = whyNotCompared(descriptions.get(node.id), built);
    const verdict: FullVerdict =
      reason === undefined ? verdictOf(session, built, cached) : { type: 'not-compared', reason };
    if (cached !== undefined && isTwoResults(verdict)) {
      const outputs = [digestOf(cached.output), digestOf(built.output)] as const;
      for (const key of new Set([...keysOf(built), cached.key])) {
        const entry = { key, node: node.id, since: new Date().toISOString(), outputs };
        session.actions.quarantine.add(entry);
        quarantined.push(entry);
      }
    }
    return [{ ...row, verdict, ...(cached && { comparedWith: cached.madeAt }) }];
  });
  return { rows, quarantined };
}

/**
 * Takes the records of a build beside the cache into the cache: those of layers, as files were made elsewhere. A key in
 * quarantine gets none.
 */
export function adoptRecords(session: Session, beside: Session, graph: PipelineGraph): void {
  for (const node of graph.nodes) {
    const latest = beside.actions.latest(node.id);
    if (latest?.output.type !== 'layer') continue;
    for (const key of keysOf(latest)) {
      const record = beside.actions.get(key);
      if (record !== undefined) session.actions.put(record);
    }
    session.actions.putLatest(latest);
  }
}

/** The keys of a result: a write-only step also has one that holds, instead of all below it, where its files go. */
function keysOf({ key, inputs }: LatestRecord): readonly string[] {
  const { below: _, ...placed } = inputs;
  return inputs.placement === undefined ? [key] : [key, keyOf(placed)];
}

/** Why two results of a node need not agree; undefined when they must. */
function whyNotCompared(
  description: NodeDescription | undefined,
  { output }: LatestRecord,
): string | undefined {
  if (description?.untracked !== undefined) return `it runs every time: ${description.untracked}`;
  if (output.type === 'snapshot') return 'states of machines hold what no two runs have in common';
  return description?.artifact?.reproducible === false
    ? 'its format holds what no two runs have in common'
    : undefined;
}

/** A result of the cache, under the same key when there is one, else the node's last. */
interface CachedResult {
  readonly key: string;
  readonly inputs: KeyInputs;
  readonly output: NodeOutput;
  readonly madeAt: string;
  /** Undefined for a record by key: its inputs are equal by definition. */
  readonly latest?: LatestRecord;
}

function cachedResult(session: Session, built: LatestRecord): CachedResult | undefined {
  const [record] = keysOf(built).flatMap((key) => session.actions.get(key) ?? []);
  if (record !== undefined && isThere(session, record))
    return { key: record.key, inputs: record.inputs, output: record.output, madeAt: record.createdAt };
  const latest = session.actions.latest(asNodeId(built.node));
  if (latest === undefined) return undefined;
  return { key: latest.key, inputs: latest.inputs, output: latest.output, madeAt: latest.ranAt, latest };
}

function isThere(session: Session, { output }: ActionRecord): boolean {
  return output.type !== 'layer' || session.layers.hasLayer(asDigest(output.digest));
}

const isTwoResults = (verdict: FullVerdict): boolean =>
  verdict.type === 'not-deterministic' || verdict.type === 'bytes-differ';

function verdictOf(session: Session, built: LatestRecord, cached: CachedResult | undefined): FullVerdict {
  if (cached === undefined) return { type: 'new' };
  if (digestOf(built.output) === digestOf(cached.output)) return { type: 'same' };
  // A key in quarantine has no record, but its last run had equal inputs all the same.
  const isEqual =
    cached.latest !== undefined && keysOf(cached.latest).some((key) => keysOf(built).includes(key));
  if (cached.latest === undefined || isEqual) return twoResults(session, cached.output, built.output);
  const archives = movedArchives(cached.inputs, built.inputs);
  const grown = archives.length === 0 ? grownVerdict(session, cached.latest, built) : undefined;
  if (grown !== undefined) return grown;
  if (archives.length > 0) {
    return {
      type: 'archive-moved',
      archives,
      packages: packageChanges(session, cached.output, built.output),
    };
  }
  const changes = explainChanges(built.inputs, cached.latest, built.below);
  return { type: 'changed', changes };
}

/** A step that the cache has in two layers, beside the one that it is from scratch: whether the trees agree. */
function grownVerdict(session: Session, cached: LatestRecord, built: LatestRecord): FullVerdict | undefined {
  if (cached.inputs.grown !== true) return undefined;
  const before = treeOf(cached);
  const after = treeOf(built);
  if (before === undefined || after === undefined) return undefined;
  const isThere = [...before, ...after].every((digest) => session.layers.hasLayer(digest));
  if (!isThere) return undefined;
  const { entries } = compareViews(session.layers, before, after);
  const files = entries.map(({ path, change, aspects }) => ({ path: textOf(path), change, aspects }));
  return { type: 'grown', agrees: files.length === 0, files };
}

/** All layers that a machine would see after a step, bottom first. */
function treeOf({ below, output }: LatestRecord): readonly Digest[] | undefined {
  if (below === undefined || output.type !== 'layer') return undefined;
  return [...Object.values(below), output.digest].map(asDigest);
}

function twoResults(session: Session, before: NodeOutput, after: NodeOutput): FullVerdict {
  if (before.type === 'layer' && after.type === 'layer') {
    if (!session.layers.hasLayer(asDigest(before.digest)))
      return { type: 'not-deterministic', packages: [], files: [] };
    const files = auditLayers(session.layers, asDigest(before.digest), asDigest(after.digest));
    return { type: 'not-deterministic', ...files };
  }
  if (before.type !== 'artifact' || after.type !== 'artifact') return { type: 'bytes-differ' };
  const isFile = [before.path, after.path].every((path) => existsSync(path) && statSync(path).isFile());
  const content = isFile ? compareBytes(Buffer.from(before.path), Buffer.from(after.path)) : undefined;
  return { type: 'bytes-differ', ...(content && { content }) };
}

function movedArchives(before: KeyInputs, after: KeyInputs): string[] {
  const names = Object.keys(after.archives ?? {});
  return names.filter(
    (name) => canonicalJson([before.archives?.[name]]) !== canonicalJson([after.archives?.[name]]),
  );
}

function packageChanges(session: Session, before: NodeOutput, after: NodeOutput) {
  if (before.type !== 'layer' || after.type !== 'layer') return [];
  if (!session.layers.hasLayer(asDigest(before.digest))) return [];
  return auditLayers(session.layers, asDigest(before.digest), asDigest(after.digest)).packages;
}

function digestOf(output: NodeOutput): string {
  if (output.type === 'layer' || output.type === 'snapshot') return output.digest;
  return output.type === 'artifact' ? output.sha256 : '';
}
