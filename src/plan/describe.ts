import { resolve } from 'node:path';
import type { BuilderInfluence } from '../builders/machine-builder.ts';
import type { KeyInputs } from '../cache/key-inputs.ts';
import { unreachable } from '../diagnostics/failure.ts';
import { isReproducible, programsOf } from '../exporters/disk/programs.ts';
import { growsRoot } from '../exporters/grow-root.ts';
import { DISK_VERSION } from '../exporters/disk/version.ts';
import { exportFileName } from '../exporters/output.ts';
import type { ArchiveReference } from '../model/archive.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { HostInput } from '../model/host-input.ts';
import type { NodeId } from '../model/ids.ts';
import { lateFacts, lateSecrets } from '../model/late-value.ts';
import type { KindUse, Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../provisioners/provisioner.ts';
import { keyOptions, type KindDescriptor } from '../schema/kind.ts';
import { archivesRead } from './archives.ts';
import type { Kinds } from './kinds.ts';

/** Raised when the rules of the seal change, so that old results are not used again. */
const SEAL_VERSION = 1;
/** Raised when a machine's disk is flattened in another way. */
const MACHINE_DISK_VERSION = 1;

/**
 * What a node is by its own declaration, as plain data: all that a key needs and that neither the host's files nor the
 * cache tell. Pure in the template and the kinds, so that a plan can be made without loading any kind.
 */
export interface NodeDescription {
  /** Name of its kind for people. */
  readonly kind: string;
  readonly inputs: KeyInputs;
  /** Host files whose content goes into the key. */
  readonly hostInputs?: readonly HostInput[];
  /** Names of secrets whose keyed hashes go into the key. */
  readonly secrets?: readonly string[];
  /** Programs of the host that have a say in the result; their versions go into the key. */
  readonly tools?: readonly string[];
  /** What it takes while it runs, when that is more than usual: processors, and bytes of memory. */
  readonly cost?: { readonly cpus: number; readonly memory: number };
  /** Package archives that it installs from; their state in `imgpipe.lock` goes into the key. */
  readonly archives?: readonly ArchiveReference[];
  /** Of a step that grows from a cached one: from what by what, in a phrase. */
  readonly grown?: string;
  /** Why its result may not be cached, in the user's words. */
  readonly untracked?: string;
  /** Of an export: ending of its file's name, and whether the same layers give the same bytes. */
  readonly artifact?: { readonly extension: string; readonly reproducible: boolean };
  /** Of a post-processor: what beside the artifact it reads, and whether the same artifact gives the same bytes. */
  readonly post?: { readonly reads: 'artifact' | 'layers' | 'build'; readonly reproducible: boolean };
}

export type Descriptions = ReadonlyMap<NodeId, NodeDescription>;

/** Describes all nodes of a graph. */
export function describeNodes(graph: PipelineGraph, kinds: Kinds): Descriptions {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return new Map(
    graph.nodes.map((node) => {
      const cost = machineCost(node, kinds);
      const archives = archivesRead(node, { nodes, kinds, contextOf: stepContext });
      const description = describeNode(node, kinds);
      return [node.id, { ...description, ...(cost && { cost }), ...(archives && { archives }) }];
    }),
  );
}

/** What a machine takes that the node runs in. */
function machineCost({ role, pipeline }: GraphNode, kinds: Kinds): NodeDescription['cost'] {
  const { builder } = pipeline;
  if (builder === undefined || !['source', 'step', 'disk'].includes(role)) return undefined;
  return kinds.builders.mustGet(builder.type).cost?.(builder.options);
}

function describeNode(node: GraphNode, kinds: Kinds): NodeDescription {
  const { pipeline } = node;
  const machine = influenceOf(pipeline, kinds);
  switch (node.role) {
    case 'source': {
      const kind = kinds.sources.mustGet(node.use.type);
      return {
        kind: kind.type,
        inputs: layerInputs('source', kind, node.use, pipeline, machine),
        hostInputs: join(kind.inputs?.(node.use.options, stepContext(pipeline)), machine?.hostInputs),
        tools: join(kind.tools, machine?.tools),
        secrets: join(machine?.secrets, lateSecrets([node.use.options, machine?.platform])),
        untracked:
          node.use.untracked ??
          pipeline.builder?.untracked ??
          machine?.untracked ??
          kind.untracked?.(node.use.options),
      };
    }
    case 'step': {
      const kind = kinds.steps.mustGet(node.step.type);
      return {
        kind: kind.type,
        inputs: layerInputs('step', kind, node.step, pipeline, machine),
        hostInputs: join(kind.inputs?.(node.step.options, stepContext(pipeline)), machine?.hostInputs),
        tools: machine?.tools,
        secrets: join(
          join(kind.secrets?.(node.step.options), machine?.secrets),
          lateSecrets([node.step.options, machine?.platform]),
        ),
        untracked:
          node.step.untracked ??
          pipeline.builder?.untracked ??
          machine?.untracked ??
          kind.untracked?.(node.step.options) ??
          movingFact(node, kinds),
      };
    }
    case 'seal':
      return {
        kind: 'seal',
        inputs: {
          kind: 'seal',
          keyVersion: SEAL_VERSION,
          options: growsRoot(pipeline.disk) ? {} : { growRoot: false },
          ...platformInputs(pipeline),
        },
      };
    case 'disk':
      if (node.seal === undefined) {
        const inputs = { kind: 'machine-disk', keyVersion: MACHINE_DISK_VERSION, options: {} };
        return { kind: 'disk', inputs, tools: machine?.tools, untracked: machine?.untracked };
      }
      return {
        kind: 'disk',
        inputs: { kind: 'disk', keyVersion: DISK_VERSION, options: {} },
        tools: programsOf(pipeline.disk).map(({ name }) => name),
      };
    case 'export': {
      const kind = kinds.exports.mustGet(node.export.type);
      const artifact = {
        extension: kind.extension(node.export.options),
        reproducible: kind.reproducible && (kind.input !== 'disk' || isReproducible(pipeline.disk)),
      };
      const reads = kind.reads?.(
        pipeline,
        exportFileName({ pipeline, item: node.export, extension: artifact.extension }),
      );
      const inputs = {
        ...kindInputs('export', kind, node.export),
        ...(kind.input === 'layers' ? platformInputs(pipeline) : {}),
        ...(reads === undefined ? {} : { reads }),
      };
      const untracked = node.export.untracked ?? kind.untracked?.(node.export.options);
      return {
        kind: kind.type,
        inputs,
        hostInputs: kind.inputs?.(node.export.options, stepContext(pipeline)),
        secrets: join(kind.secrets?.(node.export.options), lateSecrets(node.export.options)),
        tools: kind.keyTools?.(node.export.options) ?? kind.tools,
        untracked,
        artifact,
      };
    }
    case 'post': {
      const kind = kinds.posts.mustGet(node.post.type);
      const { options } = node.post;
      const facts = kind.keyFacts?.(options);
      return {
        kind: kind.type,
        inputs: { ...kindInputs('post', kind, node.post), ...(facts === undefined ? {} : { reads: facts }) },
        hostInputs: kind.inputs?.(options, stepContext(pipeline)),
        secrets: join(kind.secrets?.(options), lateSecrets(options)),
        tools: kind.keyTools?.(options),
        untracked: node.post.untracked ?? kind.untracked?.(options),
        post: { reads: kind.reads ?? 'artifact', reproducible: kind.reproducible },
      };
    }
    case 'check': {
      const kind = kinds.checks.mustGet(node.check.type);
      return { kind: kind.type, inputs: kindInputs('check', kind, node.check) };
    }
    default:
      return unreachable(node);
  }
}

/** What a pipeline tells its kinds about itself. */
export function stepContext(pipeline: Pipeline): StepContext {
  return {
    resolvePath: (path) => resolve(pipeline.directory, path),
    architecture: pipeline.architecture,
    sourceDateEpoch: pipeline.sourceDateEpoch,
  };
}

function kindInputs(role: string, kind: KindDescriptor, use: KindUse): KeyInputs {
  return {
    kind: `${role}:${kind.type}`,
    keyVersion: kind.keyVersion,
    ...(kind.code === undefined ? {} : { code: kind.code }),
    options: keyOptions(kind.schema, use.options),
  };
}

/** Why a step that brings a fact into its machine which is another for every machine cannot be cached. */
function movingFact({ step, pipeline }: GraphNode & { role: 'step' }, kinds: Kinds): string | undefined {
  const moving =
    pipeline.builder === undefined ? [] : (kinds.builders.mustGet(pipeline.builder.type).movingFacts ?? []);
  const fact = lateFacts(step.options).find((name) => moving.includes(name));
  return fact === undefined ? undefined : `build.${fact} is another for every machine`;
}

/** What the builder of a pipeline, if it has machines of its own, does to the results of its steps. */
function influenceOf(pipeline: Pipeline, kinds: Kinds): BuilderInfluence | undefined {
  const { builder } = pipeline;
  if (builder === undefined) return undefined;
  const kind = kinds.builders.mustGet(builder.type);
  const influence = kind.influence(builder.options, stepContext(pipeline));
  // Keys of builtin builders have no version beside the options; one that gives other states raises its `keyVersion`.
  const implementation = { keyVersion: kind.keyVersion, ...(kind.code && { code: kind.code }) };
  return { ...influence, platform: { ...influence.platform, implementation } };
}

/** Two lists as one; undefined when there is nothing in them. */
function join<T>(a: readonly T[] = [], b: readonly T[] = []): readonly T[] | undefined {
  const all = [...new Set([...a, ...b])];
  return all.length === 0 ? undefined : all;
}

function layerInputs(
  role: string,
  kind: KindDescriptor,
  use: KindUse,
  pipeline: Pipeline,
  machine: BuilderInfluence | undefined,
): KeyInputs {
  const { builder, architecture } = pipeline;
  if (builder === undefined || machine === undefined)
    return { ...kindInputs(role, kind, use), ...platformInputs(pipeline) };
  return {
    ...kindInputs(role, kind, use),
    platform: { architecture, builder: builder.type, machine: machine.platform },
    sourceDateEpoch: pipeline.sourceDateEpoch,
  };
}

function platformInputs(pipeline: Pipeline): Pick<KeyInputs, 'platform' | 'sourceDateEpoch'> {
  return {
    platform: { architecture: pipeline.architecture, builder: 'rootfs' },
    sourceDateEpoch: pipeline.sourceDateEpoch,
  };
}
