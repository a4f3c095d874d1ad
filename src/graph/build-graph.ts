import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import { withoutRepeats } from '../diagnostics/without-repeats.ts';
import { bootableFormat } from '../model/bootable.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import {
  nodeId,
  type CheckSpec,
  type ExportSpec,
  type Pipeline,
  type PostSpec,
  type StepSpec,
  type Template,
} from '../model/pipeline.ts';
import type { Kinds } from '../schema/kinds.ts';
import { locateOption, originOfOption } from '../schema/locator.ts';
import { fitsDisk, fitsPipeline } from './check-exports.ts';
import { fitsBase, fitsBuilder, hasNoNeeds } from './check-machine.ts';
import { LayerStack } from './layer-stack.ts';
import { pipelineOrder } from './pipeline-order.ts';
import { stepOrder } from './step-order.ts';

/**
 * The nodes of all pipelines and what they wait for. A pipeline that begins with another one shares its nodes.
 * Every node comes after those it depends on.
 */
export function buildGraph(template: Template, kinds: GraphKinds): Result<PipelineGraph> {
  const builder = new GraphBuilder(kinds);
  for (const { pipeline, base } of pipelineOrder(template.pipelines, builder.failures))
    builder.add(pipeline, base);
  if (builder.failures.length > 0) return fail(...withoutRepeats(builder.failures));
  return { ok: true, value: { nodes: builder.nodes, dependencies: builder.dependencies } };
}

/** The kinds that shape a graph. */
export type GraphKinds = Pick<Kinds, 'steps' | 'exports' | 'builders'>;

/** What all post-processors of an export share. */
type ChainBegin = Pick<GraphNode & { role: 'post' }, 'export' | 'stack' | 'seal' | 'disk'>;

/** Parts of a node that differ by role. */
type Role = GraphNode extends infer Node
  ? Node extends GraphNode
    ? Omit<Node, 'id' | 'pipeline'>
    : never
  : never;

class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly dependencies = new Map<NodeId, readonly NodeId[]>();
  readonly failures: Failure[] = [];
  readonly #kinds: GraphKinds;
  readonly #stacks = new Map<string, LayerStack>();
  readonly #seals = new Map<string, NodeId>();
  readonly #disks = new Map<string, NodeId>();

  constructor(kinds: GraphKinds) {
    this.#kinds = kinds;
  }

  add(pipeline: Pipeline, base: Pipeline | undefined): void {
    const stack = this.#bottom(pipeline, base);
    if (stack === undefined) return;
    this.#stacks.set(pipeline.id, stack);
    this.#addSteps(pipeline, stack);
    if (pipeline.exports.length > 0 || pipeline.checks.length > 0) this.#addImages(pipeline, stack);
  }

  #bottom(pipeline: Pipeline, base: Pipeline | undefined): LayerStack | undefined {
    if (base !== undefined && !fitsBase(pipeline, base, this.failures)) return undefined;
    if (base !== undefined && sameBuilder(pipeline, base)) {
      const below = this.#stacks.get(base.id);
      return below === undefined ? undefined : LayerStack.onPipeline(below);
    }
    const { source } = pipeline;
    const disk = base === undefined ? undefined : this.#diskOf(base);
    const node = { role: 'source', name: 'source', use: source, origin: source.origin } as const;
    return LayerStack.onSource(
      disk === undefined ? this.#node(pipeline, node, []) : this.#node(pipeline, { ...node, disk }, [disk]),
    );
  }

  #addSteps(pipeline: Pipeline, stack: LayerStack): void {
    /** Positions of the layers that a step of the template became. */
    const positions = new Map<string, readonly number[]>();
    const isMachine = pipeline.builder !== undefined;
    if (isMachine && !hasNoNeeds(pipeline, this.failures)) return;
    for (const step of stepOrder(pipeline, this.failures)) {
      const parts = expand(step, this.#kinds);
      const own: number[] = [];
      for (const part of parts) {
        const needs = step.needs?.flatMap((name) => positions.get(name) ?? []).concat(own);
        // In a machine every step lies on the state that the one before it left.
        const effect = isMachine ? 'run' : this.#kinds.steps.mustGet(part.type).effect(part.options);
        const id = nodeId(pipeline.id, part.name);
        own.push(stack.length);
        const { below, waitsFor } = stack.push(id, effect, needs);
        this.#node(
          pipeline,
          { role: 'step', name: part.name, step: part, effect, below, origin: part.origin },
          waitsFor,
        );
      }
      positions.set(step.name, own);
    }
  }

  #addImages(pipeline: Pipeline, layers: LayerStack): void {
    const { stack, waitsFor } = layers.whole();
    const inputOf = (type: string) => this.#kinds.exports.mustGet(type).input;
    const exports = pipeline.exports.filter(
      (item) =>
        fitsBuilder(pipeline, item, this.#kinds, this.failures) &&
        fitsPipeline(pipeline, item, this.#kinds, this.failures),
    );
    const seal = this.#sealOf(pipeline);
    const disk = exports.some((item) => inputOf(item.type) === 'disk') ? this.#diskOf(pipeline) : undefined;
    for (const item of exports) {
      const from = inputOf(item.type) === 'disk' ? disk : undefined;
      const id = this.#node(
        pipeline,
        {
          role: 'export',
          name: item.name,
          export: item,
          stack,
          ...(seal === undefined ? {} : { seal }),
          ...(from === undefined ? {} : { disk: from }),
          ...(item.post?.[0]?.keepInput === false ? { transient: true } : {}),
          origin: item.origin,
        },
        from !== undefined ? [from] : seal !== undefined ? [seal] : waitsFor,
      );
      this.#addPosts(pipeline, item, {
        export: id,
        stack,
        seal,
        ...(from === undefined ? {} : { disk: from }),
      });
    }
    for (const check of pipeline.checks) {
      const from = this.#checked(pipeline, check);
      if (from !== undefined)
        this.#node(pipeline, { role: 'check', name: check.name, check, from, origin: check.origin }, [from]);
    }
  }

  /** The seal of a pipeline's layers; undefined where a builder's own machine holds the state. */
  #sealOf(pipeline: Pipeline): NodeId | undefined {
    if (pipeline.builder !== undefined) return undefined;
    const known = this.#seals.get(pipeline.id);
    const whole = this.#stacks.get(pipeline.id)?.whole();
    if (known !== undefined || whole === undefined) return known;
    const { origin } = pipeline;
    const role = { role: 'seal', name: 'seal', below: whole.stack, origin } as const;
    const seal = this.#node(pipeline, role, whole.waitsFor);
    this.#seals.set(pipeline.id, seal);
    return seal;
  }

  /** The disk of a pipeline: built of its layers, or that of its machine. */
  #diskOf(pipeline: Pipeline): NodeId | undefined {
    const known = this.#disks.get(pipeline.id);
    const layers = this.#stacks.get(pipeline.id);
    if (known !== undefined || layers === undefined) return known;
    const { stack, waitsFor } = layers.whole();
    fitsDisk(pipeline, this.failures);
    const seal = this.#sealOf(pipeline);
    const { origin } = pipeline.disk;
    const deltaCandidates = seal === undefined ? [] : layers.unseenWrites();
    const disk = this.#node(
      pipeline,
      { role: 'disk', name: 'disk', stack, ...(seal === undefined ? {} : { seal }), deltaCandidates, origin },
      seal === undefined ? waitsFor : [seal],
    );
    this.#disks.set(pipeline.id, disk);
    return disk;
  }

  /** The chains of post-processors of an export. */
  #addPosts(pipeline: Pipeline, { post = [], chains = [post] }: ExportSpec, of: ChainBegin): void {
    let last: NodeId | undefined;
    for (const chain of chains) last = this.#addChain(pipeline, chain, of, last) ?? last;
  }

  /** Gives the last post-processor of the chain, if it has any. */
  #addChain(
    pipeline: Pipeline,
    post: readonly PostSpec[],
    of: ChainBegin,
    after: NodeId | undefined,
  ): NodeId | undefined {
    const chain = [of.export];
    for (const [index, spec] of post.entries()) {
      const { name, origin } = spec;
      const isTransient = post[index + 1]?.keepInput === false;
      const more = {
        ...(isTransient ? { transient: true } : {}),
        ...(index === 0 && after !== undefined ? { after } : {}),
      };
      const from = chain.at(-1) ?? of.export;
      const via = chain.slice(1);
      chain.push(
        this.#node(pipeline, { role: 'post', name, post: spec, from, via, ...of, ...more, origin }, [from]),
      );
    }
    return chain.length > 1 ? chain.at(-1) : undefined;
  }

  /** The export whose file a check boots. */
  #checked(pipeline: Pipeline, check: CheckSpec): NodeId | undefined {
    const canBoot = pipeline.exports.filter(({ type, options }) => {
      return bootableFormat(this.#kinds.exports.mustGet(type).extension(options)) !== undefined;
    });
    const chosen =
      check.export === undefined ? canBoot[0] : canBoot.find((item) => item.name === check.export);
    if (chosen !== undefined) return nodeId(pipeline.id, chosen.name);
    this.failures.push({
      reason: 'template-invalid',
      message:
        check.export === undefined
          ? `check "${check.name}" (${check.type}): the pipeline has no export that can be booted`
          : `check "${check.name}" (${check.type}): the export "${check.export}" cannot be booted`,
      origin: check.export === undefined ? check.origin : locateOption(check, 'export'),
      hint:
        canBoot.length === 0
          ? 'Add an export of a disk, such as qcow2 or raw.'
          : `These can: ${canBoot.map((item) => item.name).join(', ')}.`,
    });
    return undefined;
  }

  #node(pipeline: Pipeline, role: Role, waitsFor: readonly NodeId[]): NodeId {
    const id = nodeId(pipeline.id, role.name);
    if (this.dependencies.has(id)) {
      this.failures.push({
        reason: 'duplicate-name',
        message: `two things of pipeline ${pipeline.id} have the name "${role.name}"`,
        origin: role.origin,
        hint: 'Give one of them another `name`.',
      });
      return id;
    }
    this.nodes.push({ ...role, id, pipeline });
    this.dependencies.set(id, waitsFor);
    return id;
  }
}

/** Whether two pipelines keep their state in the same way, so that one can go on where the other ends. */
function sameBuilder(a: Pipeline, b: Pipeline): boolean {
  return a.builder?.type === b.builder?.type;
}

/** The steps that one of the template stands for, each with a name and place of its own. */
function expand(step: StepSpec, kinds: Pick<Kinds, 'steps'>): readonly StepSpec[] {
  const parts = kinds.steps.mustGet(step.type).expand?.(step.options);
  if (parts === undefined) return [step];
  return parts.map((part) => ({
    ...step,
    options: part.options,
    name: part.suffix === '' ? step.name : `${step.name}.${part.suffix.replaceAll(/[^A-Za-z0-9._-]+/g, '-')}`,
    origin: part.option === undefined ? step.origin : originOfOption(step, part.option),
  }));
}
