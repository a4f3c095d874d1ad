import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Journal } from '../cache/journal.ts';
import { leaseSafely, removeLayers } from '../cache/maintenance.ts';
import { capture, fail, ok, type Result } from '../diagnostics/failure.ts';
import { makeLayer } from '../executor/make-layer.ts';
import { layersUnder } from '../executor/mend-layers.ts';
import { NodeScope } from '../executor/node-scope.ts';
import type { LayerServices } from '../executor/services.ts';
import type { GraphNode } from '../model/graph.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import type { Prober } from '../plan/prober.ts';
import type { SecretResolver } from '../plan/secret-resolver.ts';
import { auditLayers, type AuditReport } from '../report/audit-report.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import type { AuditRequest } from './api.ts';
import type { CompiledProject } from './compile.ts';
import { newRunId, type Session } from './session.ts';
import { findNode } from './why.ts';

type LayerNode = GraphNode & { role: 'source' | 'step' | 'seal' };

/**
 * Runs a step twice on the same layers below it and compares what came out. The cache is only read: no record is
 * written, and new layers are deleted afterwards.
 */
export async function audit(
  session: Session,
  compiled: CompiledProject,
  request: AuditRequest,
): Promise<Result<AuditReport>> {
  const found = findNode(compiled.graph, request.step);
  if (!found.ok) return found;
  const node = found.value;
  if (node.role !== 'source' && node.role !== 'step' && node.role !== 'seal')
    return fail({
      reason: 'usage',
      message: `${node.id} is no step`,
      hint: 'Only steps and sources give a layer that can be compared.',
    });
  if (node.pipeline.builder !== undefined)
    return fail({
      reason: 'usage',
      message: `${node.id} runs in a machine of the builder ${node.pipeline.builder.type}`,
      hint: 'States of machines hold what no two runs have in common; only steps that give layers can be compared.',
    });
  const { redactor } = request.sink;
  const { prober } = await session.prober(compiled, { noCache: false, redactor });
  const fresh = await session.prober(compiled, { noCache: true, redactor });
  settleFromCache(compiled, node, prober, fresh.prober);
  const missing = layersUnder(node).find((id) => fresh.prober.output(id)?.type !== 'layer');
  if (missing !== undefined)
    return fail({
      reason: 'template-not-found',
      message: `${node.id} cannot run: the layer of ${missing} below it is not in the cache`,
      hint: 'Run `imgpipe build` first.',
    });
  const output = prober.output(node.id);
  const cached = output?.type === 'layer' ? asDigest(output.digest) : undefined;
  const report = await capture(() => runTwice(session, compiled, node, { ...fresh, cached }, request));
  // Lines of files are shown.
  return report.ok ? ok(redactor.value(report.value)) : report;
}

/** What is cached below a node, and of the node itself. */
function settleFromCache(compiled: CompiledProject, node: LayerNode, prober: Prober, fresh: Prober): void {
  const { graph } = compiled;
  for (const each of graph.nodes) {
    const needs = graph.dependencies.get(each.id) ?? [];
    if (needs.some((id) => prober.output(id) === undefined)) continue;
    if (each.role !== 'source' && each.role !== 'step' && each.role !== 'seal') continue;
    const probe = prober.probe(each);
    if (probe.state !== 'hit' && probe.state !== 'unverified') continue;
    prober.settle(each.id, probe.record.output);
    if (each.id !== node.id) fresh.settle(each.id, probe.record.output);
  }
}

async function runTwice(
  session: Session,
  compiled: CompiledProject,
  node: LayerNode,
  known: { readonly prober: Prober; readonly secrets: SecretResolver; readonly cached: Digest | undefined },
  request: AuditRequest,
): Promise<AuditReport> {
  const { layout, layers, config } = session;
  const { prober, secrets, cached } = known;
  const runId = newRunId();
  using journal = Journal.open(layout, { runId, command: 'audit', project: config.root });
  await using workspace = await session.openWorkspace();
  const before = new Set<string>(layers.listLayers());
  const made: Digest[] = [];
  try {
    const below = layersUnder(node).map((id) => prober.layer(id).digest);
    await leaseSafely(layout, journal, cached === undefined ? below : [...below, cached], request.signal);
    const services: LayerServices = {
      layout,
      layers,
      actions: session.actions,
      nodes: new Map(compiled.graph.nodes.map((each) => [each.id, each])),
      prober,
      kinds: await session.kinds(),
      secrets,
      sink: request.sink,
      project: config.root,
      workspace: () => Promise.resolve(workspace),
    };
    for (const run of [1, 2] as const) {
      // Another second: a time that a program writes shows.
      if (run === 2) await sleep(SECOND_MS, undefined, { signal: request.signal });
      request.onRun(run);
      await using scope = new NodeScope({
        node,
        sink: request.sink,
        logFolder: layout.logFolder(runId),
        scratch: join(layout.folder('scratch'), runId, String(run)),
        signal: request.signal,
      });
      const { layer } = await makeLayer(node, prober.inputs(node), scope, services);
      made.push(layer.digest);
    }
    const [first, second] = made;
    if (first === undefined || second === undefined) throw new Error('two runs gave no two layers');
    return {
      step: node.id,
      deterministic: first === second,
      layers: [first, second],
      differences: auditLayers(layers, first, second),
      ...(cached === undefined
        ? {}
        : { cached: { layer: cached, same: cached === first, ...auditLayers(layers, cached, first) } }),
    };
  } finally {
    await removeLayers(
      layout,
      layers,
      [...new Set(made)].filter((digest) => !before.has(digest)),
      workspace,
    );
    removeQuietly(join(layout.folder('scratch'), runId));
  }
}

/** A little more than one, so that no rounding brings two runs into the same. */
const SECOND_MS = 1100;
