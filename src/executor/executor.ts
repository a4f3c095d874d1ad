import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActionRecord, FilesOutput, NodeOutput } from '../cache/action-record.ts';
import { keyOf, type KeyInputs } from '../cache/key-inputs.ts';
import { acquireLock } from '../cache/key-lock.ts';
import { leaseSafely } from '../cache/maintenance.ts';
import { fingerprintOfPath } from '../cache/stat-cache.ts';
import { FailureError, unreachable, type Failure } from '../diagnostics/failure.ts';
import { digestOfPath } from '../exporters/path-digest.ts';
import type { Artifact } from '../model/artifact.ts';
import { CLEANING_UP } from '../events/build-event.ts';
import { topOf, type GraphNode } from '../model/graph.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import type { Probe } from '../plan/prober.ts';
import type { Dispatcher, ExecutionOutcome } from './dispatcher.ts';
import { currentBootId } from '../util/process-identity.ts';
import { tracePoint } from '../util/trace-point.ts';
import { makeArtifact } from './make-artifact.ts';
import { ensureDisk, makeDisk } from './make-disk.ts';
import { makeLayer } from './make-layer.ts';
import { Machines } from './machines.ts';
import { makeFiles } from './make-files.ts';
import { LayerMender, layersUnder } from './mend-layers.ts';
import { nodeFailure } from './node-failure.ts';
import { NodeScope } from './node-scope.ts';
import { runCheck } from './run-check.ts';
import { GO_ON } from './look-in.ts';
import type { ExecutorServices } from './services.ts';

/** What a node gave, with inputs that only showed while it ran. */
interface Made {
  readonly output: NodeOutput;
  /** Fuller inputs under which the result is recorded as well (placement of a write-only step). */
  readonly inputs?: KeyInputs;
  readonly found?: boolean;
}

type ProbedMiss = Exclude<Probe, { state: 'hit' }>;

/**
 * Runs one planned node: lock its key, look again, run it from clean layers, record what it gave. The record is written
 * last; failure, cancel and disconnect write none.
 */
export class Executor implements Dispatcher, AsyncDisposable {
  readonly #services: ExecutorServices;
  readonly #mender: LayerMender;
  readonly #machines: Machines;
  #stopsRun = false;

  constructor(services: ExecutorServices) {
    this.#services = services;
    this.#mender = new LayerMender(services, (node, signal) => this.#rerun(node, signal));
    this.#machines = new Machines(services, async (node, scope) => {
      const disk = node.disk === undefined ? undefined : services.nodes.get(node.disk);
      if (disk?.role !== 'disk') throw new Error(`${node.id} begins with no disk`);
      return await (await ensureDisk(disk, scope, services, this.#machines)).materialise(scope);
    });
  }

  /** Ends the machines that still run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machines[Symbol.asyncDispose]();
  }

  get stopsRun(): boolean {
    return this.#stopsRun;
  }

  async execute(node: GraphNode, probe: ProbedMiss, signal: AbortSignal): Promise<ExecutionOutcome> {
    const { layout, sink, journal, prober } = this.#services;
    try {
      const below = layersUnder(node).map((id) => prober.layer(id).digest);
      await leaseSafely(layout, journal, below, signal);
      await this.#mender.mendUnder(node, signal);
      using _lock = await acquireLock(layout.lockFile(probe.key), {
        signal,
        onWait: (pid) => {
          const holder = pid === process.pid ? 'a node of the same content' : `another imgpipe (pid ${pid})`;
          sink.emit({ type: 'node-status', id: node.id, text: `waits for ${holder}` });
        },
      });
      // Another process may have made it since this one looked, whether or not it still held the lock.
      if (probe.state === 'miss') {
        const again = prober.probe(node);
        if (again.state === 'hit') return { type: 'found', output: again.record.output };
      }
      if (probe.state === 'unverified') {
        const intact = await this.#verify(probe, signal);
        if (intact !== undefined) return { type: 'found', output: intact };
      }
      return await this.#attempts(node, probe, signal);
    } catch (error) {
      if (signal.aborted) return { type: 'failed', failures: [] };
      return { type: 'failed', failures: [nodeFailure(error, node)] };
    }
  }

  /** Runs a node whose layer was lost. */
  async #rerun(node: GraphNode, signal: AbortSignal): Promise<Digest> {
    const probe = this.#services.prober.probe(node);
    const outcome =
      probe.state === 'hit'
        ? { type: 'found' as const, output: probe.record.output }
        : await this.execute(node, probe, signal);
    if (outcome.type === 'failed') throw new FailureError(...outcome.failures);
    if (outcome.output.type !== 'layer') throw new Error(`${node.id} gave no layer`);
    return asDigest(outcome.output.digest);
  }

  async #attempts(node: GraphNode, probe: ProbedMiss, signal: AbortSignal): Promise<ExecutionOutcome> {
    const { sink, runId, layout, journal } = this.#services;
    const reason = probe.state === 'unverified' ? 'its result was damaged' : probe.reason;
    sink.emit({ type: 'node-started', id: node.id, reason });
    const retries = node.role === 'step' ? node.step.run.retries : 0;
    for (let attempt = 0; ; attempt += 1) {
      await using scope = new NodeScope({
        node,
        sink,
        logFolder: layout.logFolder(runId),
        scratch: join(layout.folder('scratch'), runId, `${fileName(node.id)}-${attempt}`),
        signal,
      });
      const start = performance.now();
      try {
        const isOnItsOwn = node.role === 'step' && node.pipeline.builder === undefined;
        if (this.#services.stepwise === true && isOnItsOwn) await sink.ask(GO_ON);
        await pauseBefore(node, scope);
        const made = await this.#make(node, probe.inputs, scope);
        journal.lease(leasesOf(made.output));
        await this.#endMachine(node);
        if (!this.#services.prober.inputsStand(node)) throw new FailureError(inputChanged(node));
        return this.#record(node, probe, made, performance.now() - start);
      } catch (error) {
        if (signal.aborted) return { type: 'failed', failures: [] };
        const failures =
          error instanceof FailureError
            ? error.failures.map((each) => located(each, node))
            : [nodeFailure(error, node)];
        if (attempt < retries) {
          const message = failures[0]?.message ?? 'failed';
          sink.emit({ type: 'node-retry', id: node.id, attempt: attempt + 1, of: retries, message });
          continue;
        }
        if (node.role === 'step' && node.step.run.continueOnError)
          return await this.#continueWithout(node, failures);
        const choice = await this.#onError(node, failures);
        if (choice === 'retry') continue;
        if (choice === 'cleanup' && node.role === 'step')
          failures.push(...(await this.#cleanUp(node, scope)));
        return { type: 'failed', failures, logFile: scope.logFile };
      }
    }
  }

  /** A pipeline's machine ends with the last node that needs it. */
  async #endMachine(node: GraphNode): Promise<void> {
    if (node.pipeline.builder === undefined) return;
    const { nodes, prober } = this.#services;
    const needed = [...nodes.values()].some(
      (other) =>
        other !== node &&
        other.pipeline.id === node.pipeline.id &&
        (other.role === 'step' || other.role === 'disk') &&
        prober.output(other.id) === undefined,
    );
    if (!needed) await this.#machines.end(node.pipeline);
  }

  async #make(node: GraphNode, inputs: KeyInputs, scope: NodeScope): Promise<Made> {
    switch (node.role) {
      case 'source':
      case 'step':
      case 'seal': {
        if (node.role !== 'seal' && node.pipeline.builder !== undefined)
          return { output: await this.#machines.run(node, scope) };
        const made = await makeLayer(node, inputs, scope, this.#services);
        return { output: { type: 'layer', ...made.layer }, inputs: made.inputs, found: made.found };
      }
      case 'disk':
        return { output: await makeDisk(node, scope, this.#services, this.#machines) };
      case 'export':
        return { output: await makeArtifact(node, scope, this.#services, this.#machines) };
      case 'post':
        return { output: await makeFiles(node, scope, this.#services, this.#machines) };
      case 'check':
        await runCheck(node, scope, this.#services);
        return { output: { type: 'passed' } };
      default:
        return unreachable(node);
    }
  }

  #record(node: GraphNode, probe: ProbedMiss, made: Made, durationMs: number): ExecutionOutcome {
    const { actions, prober } = this.#services;
    const last = prober.latest(node.id);
    const createdAt = new Date().toISOString();
    const inputs = made.inputs ?? probe.inputs;
    const record: ActionRecord = {
      key: probe.key,
      node: node.id,
      inputs,
      output: made.output,
      durationMs,
      createdAt,
      bootId: currentBootId(),
    };
    tracePoint('record:made');
    const isGone = made.output.type === 'snapshot' && !made.output.kept;
    if (probe.state !== 'untracked' && !isGone) {
      if (made.inputs !== undefined && made.found !== true)
        actions.put({ ...record, key: keyOf(made.inputs) });
      tracePoint('record:placed');
      actions.put(record);
    }
    tracePoint('record:written');
    actions.putLatest({
      node: node.id,
      key: probe.key,
      inputs: probe.inputs.below === undefined ? inputs : { ...inputs, below: probe.inputs.below },
      output: made.output,
      below: prober.belowDigests(node),
      notes: prober.inputNotes(node),
      durationMs: made.found === true ? (last?.durationMs ?? durationMs) : durationMs,
      ranAt: createdAt,
    });
    if (made.found === true) return { type: 'found', output: made.output };
    return {
      type: 'built',
      output: made.output,
      unchanged: last !== undefined && sameOutput(last.output, made.output),
    };
  }

  /** The result of a record from before the last boot, hashed again; undefined when it is not what it was. */
  async #verify(
    probe: ProbedMiss & { state: 'unverified' },
    signal: AbortSignal,
  ): Promise<NodeOutput | undefined> {
    const { output } = probe.record;
    if (output.type === 'artifact') {
      if ((await digestOfPath(output.path, signal)).sha256 !== output.sha256) return undefined;
      const renewed = { ...output, fingerprint: fingerprintOfPath(output.path) };
      this.#services.actions.put({ ...probe.record, output: renewed, bootId: currentBootId() });
      return renewed;
    }
    if (output.type === 'snapshot') {
      const { snapshots, actions } = this.#services;
      if ((await snapshots.verify(asDigest(output.digest))) === 'intact') {
        actions.put({ ...probe.record, bootId: currentBootId() });
        return output;
      }
      await snapshots.remove(asDigest(output.digest));
      return undefined;
    }
    if (output.type === 'files') return await this.#verifyFiles(probe.record, output, signal);
    if (output.type !== 'layer') return output;
    const workspace = await this.#services.workspace();
    const digest = asDigest(output.digest);
    if ((await workspace.verify(digest)) === 'intact') {
      this.#services.actions.put({ ...probe.record, bootId: currentBootId() });
      return output;
    }
    this.#services.layers.forget(digest);
    await workspace.remove(this.#services.layers.layerDirectory(digest));
    return undefined;
  }

  async #verifyFiles(
    record: ActionRecord,
    output: FilesOutput,
    signal: AbortSignal,
  ): Promise<FilesOutput | undefined> {
    const made: Record<string, string> = {};
    for (const { path, sha256 } of output.artifact.files) {
      if (!(path in output.made)) continue;
      if ((await digestOfPath(path, signal)).sha256 !== sha256) return undefined;
      made[path] = fingerprintOfPath(path);
    }
    const renewed = { ...output, made };
    this.#services.actions.put({ ...record, output: renewed, bootId: currentBootId() });
    return renewed;
  }

  async #continueWithout(node: GraphNode, failures: readonly Failure[]): Promise<ExecutionOutcome> {
    const message = `${node.name} failed and is left out (continueOnError): ${failures[0]?.message ?? ''}`;
    this.#services.sink.emit({ type: 'notice', level: 'warning', message, id: node.id });
    if (node.role === 'step' && node.pipeline.builder !== undefined) {
      // The state before the step stays that of the machine.
      const below = topOf(node.below);
      const output = below === undefined ? undefined : this.#services.prober.output(below);
      if (output !== undefined) return { type: 'built', output, unchanged: false };
    }
    const workspace = await this.#services.workspace();
    const empty = await workspace.writeLayer([], { placements: [] }, { sourceDateEpoch: 0, drop: [] });
    return { type: 'built', output: { type: 'layer', ...empty }, unchanged: false };
  }

  /** What went wrong with the clean-up step of the pipeline. */
  async #cleanUp(node: GraphNode, scope: NodeScope): Promise<readonly Failure[]> {
    scope.status(CLEANING_UP);
    try {
      await this.#machines.cleanUp(node, scope);
      return [];
    } catch (error) {
      const { message, ...failure } = nodeFailure(error, node);
      return [{ ...failure, message: `clean-up failed: ${message}` }];
    }
  }

  async #onError(node: GraphNode, failures: readonly Failure[]): Promise<string> {
    const { onError, sink } = this.#services;
    let choice: string = onError;
    if (onError === 'ask') {
      choice = await sink.ask({
        question: `${node.id}: ${failures[0]?.message ?? 'failed'}`,
        choices: ['cleanup', 'abort', 'retry'],
        defaultChoice: 'cleanup',
      });
    }
    if (choice === 'abort') this.#stopsRun = true;
    return choice;
  }
}

async function pauseBefore(node: GraphNode, scope: NodeScope): Promise<void> {
  const pauseMs = node.role === 'step' ? (node.step.run.pauseBeforeMs ?? 0) : 0;
  if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: scope.signal });
}

/** A failure points at the node's place in the template unless it knows a better one. */
function located(failure: Failure, node: GraphNode): Failure {
  return { origin: node.origin, stepId: node.id, ...failure };
}

function sameOutput(a: NodeOutput, b: NodeOutput): boolean {
  if (a.type === 'layer' && b.type === 'layer') return a.digest === b.digest;
  if (a.type === 'snapshot' && b.type === 'snapshot') return a.digest === b.digest;
  if (a.type === 'artifact' && b.type === 'artifact') return a.sha256 === b.sha256;
  if (a.type === 'files' && b.type === 'files') return sameFiles(a, b);
  return false;
}

function sameFiles({ artifact: a }: FilesOutput, { artifact: b }: FilesOutput): boolean {
  const sums = ({ files }: Artifact): string => files.map(({ sha256 }) => sha256).join();
  return a.id === b.id && a.content === b.content && sums(a) === sums(b);
}

function inputChanged(node: GraphNode): Failure {
  return {
    reason: 'input-changed',
    message: `a file that ${node.name} reads was changed while it ran, so what it gave belongs to no state of the file`,
    origin: node.origin,
    stepId: node.id,
    hint: 'Build again.',
  };
}

/** Names under which a result is protected from `cache prune`. */
function leasesOf(output: NodeOutput): string[] {
  if (output.type === 'layer' || output.type === 'snapshot') return [output.digest];
  return output.type === 'disk' ? [output.diskKey] : [];
}

function fileName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]+/g, '_');
}
