import type { LatestRecord } from '../cache/action-record.ts';
import { fail, type Result } from '../diagnostics/failure.ts';
import { nearestName } from '../diagnostics/nearest-name.ts';
import { compareLayers } from '../layers/compare-layers.ts';
import { sliceNodes, type GraphNode, type PipelineGraph } from '../model/graph.ts';
import { asDigest } from '../model/ids.ts';
import type { Change } from '../plan/explain.ts';
import { planGraph } from '../plan/plan.ts';
import type { Prober } from '../plan/prober.ts';
import type { WhyReport } from './api.ts';
import type { Session } from './session.ts';

/** Why a node runs, or would not: its inputs now beside those of its last record. */
export function explainNode(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  name: string,
): Result<WhyReport> {
  const found = findNode(graph, name);
  if (!found.ok) return found;
  const node = found.value;
  const plan = planGraph(graph, prober, session.actions);
  if (!plan.ok) return plan;
  const row = plan.value.rows.find((candidate) => candidate.id === node.id);
  if (row === undefined) throw new Error(`the plan has no row for ${node.id}`);
  const last = prober.latest(node.id);
  // A write-only step needs nothing below it, and yet lies on something.
  const below = node.role === 'step' || node.role === 'seal' ? sliceNodes(node.below) : [];
  const needs = [...(graph.dependencies.get(node.id) ?? []), ...below];
  const known = needs.some((id) => prober.output(id) === undefined)
    ? prober.definition(node)
    : prober.inputs(node);
  const changes =
    last === undefined || row.state === 'hit'
      ? []
      : [...prober.changes(node, known, last), ...packagesBelow(session, last, prober.belowDigests(node))];
  return {
    ok: true,
    value: { id: node.id, state: row.state, reason: row.reason, changes, lastRun: last?.ranAt },
  };
}

/** Packages that are others in the layers below, where the old layers are still in the store. */
function packagesBelow(
  { layers }: Session,
  last: LatestRecord,
  below: Readonly<Record<string, string>> | undefined,
): Change[] {
  if (last.inputs.below === undefined || below === undefined) return [];
  return Object.entries(below).flatMap(([node, now]): Change[] => {
    const then = last.below?.[node];
    if (then === undefined || then === now) return [];
    if (!layers.isUsable(asDigest(then)) || !layers.isUsable(asDigest(now))) return [];
    const { packages } = compareLayers(layers, asDigest(then), asDigest(now));
    const step = node.slice(node.indexOf('/') + 1);
    return packages.map(({ name, before, after }) => ({ what: `package ${name} of ${step}`, before, after }));
  });
}

/** A node by its full id, or by its name where only one pipeline has it. */
export function findNode(graph: PipelineGraph, name: string): Result<GraphNode> {
  const exact = graph.nodes.find((node) => node.id === name);
  if (exact !== undefined) return { ok: true, value: exact };
  const byName = graph.nodes.filter((node) => node.name === name);
  if (byName.length === 1 && byName[0] !== undefined) return { ok: true, value: byName[0] };
  if (byName.length > 1) {
    const hint = `Write ${byName.map((node) => node.id).join(' or ')}.`;
    return fail({ reason: 'template-not-found', message: `several pipelines have a step \`${name}\``, hint });
  }
  const names = graph.nodes.flatMap((node) => [node.name, node.id]);
  const nearest = nearestName(name, names);
  const hint =
    nearest === undefined ? 'Run `imgpipe plan` to see all steps.' : `Did you mean \`${nearest}\`?`;
  return fail({ reason: 'template-not-found', message: `there is no step \`${name}\``, hint });
}
