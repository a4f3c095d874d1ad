import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { applyEntries } from '../builders/remote/apply-entries.ts';
import type { DrivenMachine, DriverContext, MachineDriver, Snapshot } from '../builders/machine-builder.ts';
import type { NodeOutput } from '../cache/action-record.ts';
import type { Question } from '../events/event-sink.ts';
import { FailureError, unwrap } from '../diagnostics/failure.ts';
import { topOf, type GraphNode } from '../model/graph.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import { lateSecrets } from '../model/late-value.ts';
import type { MachineFacts } from '../model/late-options.ts';
import { nodeId, type KindUse, type Pipeline } from '../model/pipeline.ts';
import { stepContext } from '../plan/describe.ts';
import { identifyProcess } from '../util/process-identity.ts';
import { cacheMountFolder } from './cache-mount.ts';
import { LookIn } from './look-in.ts';
import { located, timedOut } from './make-layer.ts';
import type { NodeScope } from './node-scope.ts';
import { optionsAtRun } from './options-at-run.ts';
import type { ExecutorServices } from './services.ts';

type MachineNode = GraphNode & { role: 'source' | 'step' };

/** A machine that runs, and the state it is in: that of the last step it has run. */
interface Live {
  readonly machine: DrivenMachine;
  readonly state: Digest;
}

/** The machines of one pipeline in one run: at most one lives. */
class PipelineMachines {
  readonly driver: MachineDriver;
  live: Live | undefined;
  /** Of the last machine. */
  facts: MachineFacts = {};

  constructor(driver: MachineDriver) {
    this.driver = driver;
  }
}

/**
 * Runs the steps of pipelines whose builder has machines of its own. A machine goes on from step to step; a step that
 * must run where none is in its parent's state begins with one resumed from the parent's snapshot. What fails or is
 * stopped ends its machine, so that the next try begins clean.
 */
export class Machines implements AsyncDisposable {
  readonly #services: ExecutorServices;
  readonly #pipelines = new Map<string, Promise<PipelineMachines>>();
  /** By pipeline, of the node that runs now: it gets what the machine prints. */
  readonly #scopes = new Map<string, NodeScope>();
  readonly #lookIn: LookIn;
  readonly #baseDisk: (node: GraphNode & { role: 'source' }, scope: NodeScope) => Promise<string>;

  /** @param baseDisk path of the disk, as a raw file, that a source node begins with */
  constructor(
    services: ExecutorServices,
    baseDisk: (node: GraphNode & { role: 'source' }, scope: NodeScope) => Promise<string>,
  ) {
    this.#services = services;
    this.#lookIn = new LookIn(services);
    this.#baseDisk = baseDisk;
  }

  /** Runs a source or step and keeps the state that it leaves. */
  async run(node: MachineNode, scope: NodeScope): Promise<NodeOutput> {
    const machines = await this.#open(node, scope);
    const reach = node.role === 'step' ? this.#reach(node) : 'machine';
    if (node.role === 'step' && reach === 'host') {
      const { live } = machines;
      await this.#lookIn.pause(node.pipeline, live?.machine.facts ?? {}, scope);
      await this.#runStep(node, live?.machine ?? ABSENT, scope);
      return this.#outputBelow(node);
    }
    try {
      const machine = await this.#machineFor(node, machines);
      if (node.role === 'step') {
        await machine.ready?.();
        await this.#lookIn.pause(node.pipeline, machine.facts, scope);
        await this.#runStep(node, machine, scope);
      }
      scope.signal.throwIfAborted();
      if (node.role === 'step' && reach === 'reads') return this.#outputBelow(node);
      const snapshot = await machine.snapshot();
      scope.signal.throwIfAborted();
      const output = outputOf(snapshot);
      machines.facts = machine.facts;
      machines.live = { machine, state: asDigest(output.digest) };
      return output;
    } catch (error) {
      await this.#giveUp(machines, node.pipeline.cleanup !== undefined);
      throw error;
    }
  }

  /** What the last machine of a pipeline was known by; nothing when none has run. */
  async facts(pipeline: Pipeline): Promise<MachineFacts> {
    const opened = await this.#pipelines.get(pipeline.id)?.catch(() => undefined);
    return opened?.facts ?? {};
  }

  /** Runs the pipeline's clean-up step, if it has one and its machine still runs, after `node` has failed for good. */
  async cleanUp(node: GraphNode, scope: NodeScope): Promise<void> {
    const { cleanup } = node.pipeline;
    const opened = await this.#pipelines.get(node.pipeline.id)?.catch(() => undefined);
    const live = opened?.live;
    if (cleanup === undefined || node.role !== 'step' || opened === undefined || live === undefined) return;
    try {
      const id = nodeId(node.pipeline.id, cleanup.name);
      await this.#runStep({ ...node, id, step: cleanup, name: cleanup.name }, live.machine, scope);
    } finally {
      await endLive(opened);
    }
  }

  /** Writes the disk of a pipeline's machine, in its last state, as a flat raw file. The machine ends with it. */
  async writeDisk(node: GraphNode & { role: 'disk' }, target: string, scope: NodeScope): Promise<void> {
    const top = topOf(node.stack);
    if (top === undefined) throw new Error(`${node.id} has no machine below it`);
    const machines = await this.#open(node, scope);
    try {
      const machine = await this.#inState(this.#services.prober.digest(top), machines);
      if (machine.writeDisk === undefined)
        throw new Error(`the builder of ${node.pipeline.id} says it has a disk`);
      await machine.writeDisk(target);
    } finally {
      await endLive(machines);
    }
  }

  /** Ends the machine of a pipeline, if one runs: no later node needs it. */
  async end(pipeline: Pipeline): Promise<void> {
    const opened = await this.#pipelines.get(pipeline.id)?.catch(() => undefined);
    if (opened !== undefined) await endLive(opened);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lookIn[Symbol.dispose]();
    for (const opening of this.#pipelines.values()) {
      const machines = await opening.catch(() => undefined);
      if (machines === undefined) continue;
      await endLive(machines);
      await machines.driver[Symbol.asyncDispose]();
    }
  }

  async #machineFor(node: MachineNode, machines: PipelineMachines): Promise<DrivenMachine> {
    if (node.role === 'source') {
      await endLive(machines);
      const machine = await machines.driver.start(this.#late(node));
      machines.live = { machine, state: newState() };
      return machine;
    }
    const parent = topOf(node.below);
    if (parent === undefined) throw new Error(`${node.id} has nothing below it`);
    return await this.#inState(this.#services.prober.digest(parent), machines);
  }

  async #inState(state: Digest, machines: PipelineMachines): Promise<DrivenMachine> {
    const { live } = machines;
    if (live?.state === state) return live.machine;
    await endLive(machines);
    if (isVolatile(state)) {
      throw new FailureError({
        reason: 'step-failed',
        message:
          'the machine has ended, and its builder cannot bring it back into the state before this step',
        hint: 'Build again: it begins with the source.',
      });
    }
    const machine = await machines.driver.resume(state);
    machines.live = { machine, state };
    return machine;
  }

  async #runStep(
    node: GraphNode & { role: 'step' },
    machine: DrivenMachine,
    scope: NodeScope,
  ): Promise<void> {
    const { kinds, secrets } = this.#services;
    const kind = kinds.steps.mustGet(node.step.type);
    const options = optionsAtRun(this.#services, { id: node.id, options: node.step.options }, machine.facts);
    if ((kind.secrets?.(node.step.options) ?? []).length > 0 || lateSecrets(node.step.options).length > 0)
      machine.holdsSecrets = true;
    const timeout = node.step.run.timeoutMs;
    const deadline = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const signal = deadline === undefined ? scope.signal : AbortSignal.any([scope.signal, deadline]);
    // Ending the machine is what ends a program in it that runs for too long.
    const kill = (): void => void machine[Symbol.asyncDispose]();
    deadline?.addEventListener('abort', kill, { once: true });
    const context = {
      ...stepContext(node.pipeline),
      signal,
      secret: (name: string) => Promise.resolve(secrets.get(name)),
      progress: scope.progress,
      log: scope.log,
      output: scope.output,
      ask: (question: Question) => this.#services.sink.ask(question),
    };
    try {
      if (kind.effect(options) === 'write' && kind.entries !== undefined) {
        await applyEntries(machine, unwrap(await kind.entries(options, context)), node.pipeline);
        return;
      }
      const result = await kind.run?.(options, machine, context);
      if (result === undefined) throw new Error(`step kind ${kind.type} has effect run but no run`);
      unwrap(located(node, result));
    } catch (error) {
      if (deadline?.aborted === true && !scope.signal.aborted)
        throw new FailureError(timedOut(node, timeout ?? 0, scope));
      throw error;
    } finally {
      deadline?.removeEventListener('abort', kill);
    }
  }

  /** A source with the options that it begins with. */
  #late(node: GraphNode & { role: 'source' }): KindUse {
    const options = optionsAtRun(this.#services, { id: node.id, options: node.use.options }, {});
    const use = { ...node.use, options };
    const { kinds, prober } = this.#services;
    const locked = prober.lockedArchives(node.id);
    const kind = kinds.sources.mustGet(use.type);
    if (locked === undefined || kind.pinned === undefined) return use;
    return { ...use, options: kind.pinned(use.options, locked) };
  }

  #reach(node: GraphNode & { role: 'step' }): 'machine' | 'reads' | 'host' {
    const kind = this.#services.kinds.steps.mustGet(node.step.type);
    return kind.reach?.(node.step.options) ?? 'machine';
  }

  #outputBelow(node: GraphNode & { role: 'step' }): NodeOutput {
    const below = topOf(node.below);
    const output = below === undefined ? undefined : this.#services.prober.output(below);
    if (output === undefined) throw new Error(`${node.id} has nothing below it`);
    return output;
  }

  /**
   * After a failure. A machine that could not be brought back stays for another try. One that a clean-up step may still
   * need stays as well, in a state that no other step begins with.
   */
  async #giveUp(machines: PipelineMachines, hasCleanup: boolean): Promise<void> {
    const { live } = machines;
    if (live === undefined || isVolatile(live.state)) return;
    if (hasCleanup) machines.live = { machine: live.machine, state: newState() };
    else await endLive(machines);
  }

  async #open(node: GraphNode, scope: NodeScope): Promise<PipelineMachines> {
    const { id } = node.pipeline;
    this.#scopes.set(id, scope);
    let opening = this.#pipelines.get(id);
    if (opening === undefined) {
      opening = this.#openDriver(node, scope).then((driver) => new PipelineMachines(driver));
      this.#pipelines.set(id, opening);
      opening.catch(() => this.#pipelines.delete(id));
    }
    return await opening;
  }

  async #openDriver(node: GraphNode, scope: NodeScope): Promise<MachineDriver> {
    const { pipeline } = node;
    const { builder } = pipeline;
    if (builder === undefined) throw new Error(`${pipeline.id} has no machines`);
    const { layout, runId, kinds } = this.#services;
    const scratch = join(layout.folder('scratch'), runId, `machine-${randomUUID().slice(0, 8)}`);
    await mkdir(scratch, { recursive: true });
    const kind = kinds.builders.mustGet(builder.type);
    const options = optionsAtRun(this.#services, { id: pipeline.id, options: builder.options }, {});
    return await kind.open(options, this.#context(node, scratch, scope));
  }

  #context(node: GraphNode, scratch: string, first: NodeScope): DriverContext {
    const { pipeline } = node;
    const { layout, snapshots, secrets, journal, sink, prober } = this.#services;
    const now = (): NodeScope => this.#scopes.get(pipeline.id) ?? first;
    const source = [...this.#services.nodes.values()].find(
      (other) => other.role === 'source' && other.pipeline.id === pipeline.id,
    );
    return {
      pipeline,
      scratch,
      snapshots: {
        stage: () => snapshots.stage(),
        commit: async (staged, info, hashes) => {
          const given = { ...info, builder: pipeline.builder?.type ?? '' };
          const snapshot = await snapshots.commit(staged, given, hashes);
          journal.lease([snapshot.digest]);
          return snapshot;
        },
        folder: (digest) => snapshots.folder(digest),
        chain: (digest) => snapshots.chain(digest),
        known: () =>
          snapshots.list().flatMap((digest) => {
            const info = snapshots.info(digest);
            return info?.builder === pipeline.builder?.type
              ? [{ digest, external: info?.external ?? {} }]
              : [];
          }),
        forget: (digest) => snapshots.remove(digest),
      },
      cacheFolder: (id) => cacheMountFolder(layout, id),
      // Of the run, not of one node: a machine outlives the node that started it.
      signal: first.signal,
      resolvePath: (path) => resolve(pipeline.directory, path),
      secret: (name) => Promise.resolve(secrets.get(name)),
      hide: (value) => sink.redactor.add(value),
      ledger: (entry) => {
        if (entry.type === 'path') return journal.add(entry);
        const process = identifyProcess(entry.pid);
        return process === undefined
          ? () => undefined
          : journal.add({ type: 'process', process, what: entry.what });
      },
      output: (chunk) => now().output(chunk),
      log: (line) => now().log(line),
      status: (text) => now().status(text),
      progress: (done, total, unit) => now().progress(done, total, unit),
      ask: (question, { secret }) => sink.ask({ question, choices: [], defaultChoice: '', secret }),
      ...(source?.role === 'source' && source.disk !== undefined && prober.output(source.disk) !== undefined
        ? { baseDisk: () => this.#baseDisk(source, now()) }
        : {}),
    };
  }
}

/** For steps that run on the host alone while no machine runs. */
const ABSENT: DrivenMachine = {
  get architecture(): never {
    return noMachine();
  },
  get communicator(): never {
    return noMachine();
  },
  facts: {},
  osRelease: () => noMachine(),
  exec: () => noMachine(),
  writeFile: () => noMachine(),
  readFile: () => noMachine(),
  snapshot: () => noMachine(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

function noMachine(): never {
  throw new Error('a step that says it works on the host alone asked for the machine');
}

/** States that no snapshot keeps; they last as long as their machine. */
const VOLATILE = 'running:';
const newState = (): Digest => asDigest(`${VOLATILE}${randomUUID()}`);
const isVolatile = (state: Digest): boolean => state.startsWith(VOLATILE);

function outputOf(snapshot: Snapshot | undefined): NodeOutput & { type: 'snapshot' } {
  return snapshot === undefined
    ? { type: 'snapshot', digest: newState(), size: 0, kept: false }
    : { type: 'snapshot', digest: snapshot.digest, size: snapshot.size, kept: true };
}

async function endLive(machines: PipelineMachines): Promise<void> {
  const { live } = machines;
  machines.live = undefined;
  await live?.machine[Symbol.asyncDispose]();
}
