import type { NodeOutput } from '../cache/action-record.ts';
import { keyOf, type KeyInputs } from '../cache/key-inputs.ts';
import { FailureError, unwrap, type Failure } from '../diagnostics/failure.ts';
import { createMachine } from '../builders/rootfs/rootfs-machine.ts';
import { activateSandbox } from '../builders/rootfs/sandbox-shim.ts';
import type { Question } from '../events/event-sink.ts';
import type { CommitRules, PlacementFacts, Workspace } from '../layers/workspace.ts';
import type { GraphNode } from '../model/graph.ts';
import type { LayerRef, View } from '../model/layer.ts';
import type { TreeEntry } from '../model/tree-entry.ts';
import { growsRoot } from '../exporters/grow-root.ts';
import { DEFAULT_DROPS } from '../provisioners/default-drops.ts';
import { stepContext } from '../plan/describe.ts';
import { layerRef } from '../plan/prober.ts';
import { cacheMountFolder } from './cache-mount.ts';
import { keepFailedLayer } from './failed-layer.ts';
import { findConflicts } from './layer-conflicts.ts';
import type { NodeScope } from './node-scope.ts';
import type { LayerServices } from './services.ts';

/** A layer that was made, with what is known about it that its first key did not hold. */
export interface MadeLayer {
  readonly layer: LayerRef;
  /** For write-only nodes: their full inputs, with the placement in the image. */
  readonly inputs?: KeyInputs;
  /** True when the placement led to a record, so that nothing had to be written. */
  readonly found: boolean;
}

/** Runs a node that yields a layer, from its parents' clean layers. */
export async function makeLayer(
  node: GraphNode & { role: 'source' | 'step' | 'seal' },
  inputs: KeyInputs,
  scope: NodeScope,
  services: LayerServices,
): Promise<MadeLayer> {
  const workspace = await services.workspace();
  if (node.role === 'source')
    return { layer: await runSource(node, workspace, scope, services), found: false };
  const view = services.prober.view(node);
  if (node.role === 'seal') {
    const conflicts = findConflicts(node.below, services.nodes, (id) =>
      services.layers.manifest(services.prober.layer(id).digest),
    );
    if (conflicts.length > 0) throw new FailureError(...conflicts);
    const { sealEntries } = await import('../exporters/seal.ts');
    const entries = await sealEntries(workspace, view, { growRoot: growsRoot(node.pipeline.disk) });
    return await writeLayer(node, entries, view, inputs, workspace, services);
  }
  if (node.effect === 'write') {
    const kind = services.kinds.steps.mustGet(node.step.type);
    const entries = await kind.entries?.(node.step.options, stepContext(node.pipeline));
    if (entries === undefined) throw new Error(`step kind ${kind.type} has effect write but no entries`);
    return await writeLayer(node, unwrap(entries), view, inputs, workspace, services);
  }
  return { layer: await runStep(node, view, workspace, scope, services), found: false };
}

async function runSource(
  node: GraphNode & { role: 'source' },
  workspace: Workspace,
  scope: NodeScope,
  services: LayerServices,
): Promise<LayerRef> {
  const kind = services.kinds.sources.mustGet(node.use.type);
  const target = await workspace.activate([]);
  try {
    const context = {
      ...stepContext(node.pipeline),
      signal: scope.signal,
      workspace,
      target,
      scratch: scope.scratch,
      cacheFolder: (id: string) => cacheMountFolder(services.layout, id),
      archives: services.prober.lockedArchives(node.id),
      log: scope.log,
      progress: scope.progress,
    };
    if (kind.produce === undefined) throw new Error(`source kind ${kind.type} fills no layer`);
    unwrap(located(node, await kind.produce(node.use.options, context)));
    scope.signal.throwIfAborted();
  } catch (error) {
    await workspace.discard(target);
    throw error;
  }
  return await workspace.commit(target, commitRules(node, kind.drop));
}

async function runStep(
  node: GraphNode & { role: 'step' },
  view: View,
  workspace: Workspace,
  scope: NodeScope,
  services: LayerServices,
): Promise<LayerRef> {
  const kind = services.kinds.steps.mustGet(node.step.type);
  const active = await activateSandbox(workspace, view);
  const names = kind.secrets?.(node.step.options) ?? [];
  const secrets = names.map((name) => ({ name, value: services.secrets.get(name) }));
  const rules = { ...commitRules(node, kind.drop), ...(secrets.length === 0 ? {} : { secrets }) };
  const timeout = node.step.run.timeoutMs;
  const signal =
    timeout === undefined ? scope.signal : AbortSignal.any([scope.signal, AbortSignal.timeout(timeout)]);
  try {
    const machine = createMachine({
      workspace,
      active,
      architecture: node.pipeline.architecture,
      sourceDateEpoch: node.pipeline.sourceDateEpoch,
      cacheFolder: (id: string) => cacheMountFolder(services.layout, id),
      signal,
      onOutput: scope.output,
    });
    const context = {
      ...stepContext(node.pipeline),
      signal,
      secret: (name: string) => Promise.resolve(services.secrets.get(name)),
      archives: services.prober.lockedArchives(node.id),
      progress: scope.progress,
      log: scope.log,
      output: scope.output,
      ask: (question: Question) => services.sink.ask(question),
    };
    const result = await kind.run?.(node.step.options, machine, context);
    if (result === undefined) throw new Error(`step kind ${kind.type} has effect run but no run`);
    if (signal.aborted && !scope.signal.aborted) throw new FailureError(timedOut(node, timeout ?? 0, scope));
    unwrap(located(node, result));
    scope.signal.throwIfAborted();
  } catch (error) {
    if (scope.signal.aborted || !(error instanceof FailureError)) await workspace.discard(active);
    else await keepFailedLayer(node, view, active, rules, services);
    throw error;
  }
  return await workspace.commit(active, rules);
}

async function writeLayer(
  node: GraphNode,
  entries: readonly TreeEntry[],
  view: View,
  inputs: KeyInputs,
  workspace: Workspace,
  services: LayerServices,
): Promise<MadeLayer> {
  const facts = await workspace.placementFacts(view, entries);
  const placed = placedInputs(node, entries, facts, inputs);
  const record = services.actions.get(keyOf(placed));
  if (record !== undefined && !services.prober.skipsCache) {
    const probe = services.prober.check(node, keyOf(placed), record, placed);
    if (probe.state === 'hit' && isLayer(probe.record.output)) {
      return { layer: layerRef(probe.record.output), inputs: placed, found: true };
    }
  }
  return {
    layer: await workspace.writeLayer(entries, facts, commitRules(node, [])),
    inputs: placed,
    found: false,
  };
}

/** The seal has no options of its own: what it deletes and writes is found in the image, and so goes into its key. */
function placedInputs(
  node: GraphNode,
  entries: readonly TreeEntry[],
  placement: PlacementFacts,
  inputs: KeyInputs,
): KeyInputs {
  const { below: _, ...own } = inputs;
  return node.role === 'seal' ? { ...own, options: { entries }, placement } : { ...own, placement };
}

function commitRules(node: GraphNode, drop: readonly string[] = []): CommitRules {
  return { sourceDateEpoch: node.pipeline.sourceDateEpoch, drop: [...DEFAULT_DROPS, ...drop] };
}

function isLayer(output: NodeOutput): output is NodeOutput & { type: 'layer' } {
  return output.type === 'layer';
}

type Outcome = { ok: true; value: void } | { ok: false; failures: readonly Failure[] };

/** Failures of a kind point at the place in the template unless they know a better one. */
export function located(node: GraphNode, result: Readonly<Outcome>): Outcome {
  if (result.ok) return result;
  return {
    ok: false,
    failures: result.failures.map((failure) => ({ origin: node.origin, stepId: node.id, ...failure })),
  };
}

/** A step that ran into its own `timeout`. */
export function timedOut(node: GraphNode, timeoutMs: number, scope: NodeScope): Failure {
  return {
    reason: 'step-timeout',
    message: `${node.name} ran longer than its timeout of ${timeoutMs / 1000} s`,
    origin: node.origin,
    stepId: node.id,
    hint: 'Raise `timeout`, or look at what it waits for.',
    excerpt: scope.tail.slice(-10),
  };
}
