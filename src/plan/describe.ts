import { resolve } from 'node:path';
import type { KeyInputs } from '../cache/key-inputs.ts';
import { unreachable } from '../diagnostics/failure.ts';
import { DISK_VERSION } from '../exporters/disk/version.ts';
import { artifactFileName } from '../exporters/output.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { HostInput } from '../model/host-input.ts';
import type { NodeId } from '../model/ids.ts';
import type { KindUse, Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../provisioners/provisioner.ts';
import { keyOptions, type KindDescriptor } from '../schema/kind.ts';
import type { Kinds } from './kinds.ts';

/** Raised when the rules of the seal change, so that old results are not used again. */
const SEAL_VERSION = 1;
const DISK_TOOLS = ['mke2fs', 'debugfs', 'grub-mkimage', 'mkfs.fat', 'mcopy'];

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
  /** Why its result may not be cached, in the user's words. */
  readonly untracked?: string;
  /** Of an export: ending of its file's name, and whether the same layers give the same bytes. */
  readonly artifact?: { readonly extension: string; readonly reproducible: boolean };
}

export type Descriptions = ReadonlyMap<NodeId, NodeDescription>;

/** Describes all nodes of a graph. */
export function describeNodes(graph: PipelineGraph, kinds: Kinds): Descriptions {
  return new Map(graph.nodes.map((node) => [node.id, describeNode(node, kinds)]));
}

function describeNode(node: GraphNode, kinds: Kinds): NodeDescription {
  const { pipeline } = node;
  switch (node.role) {
    case 'source': {
      const kind = kinds.sources.mustGet(node.use.type);
      return {
        kind: kind.type,
        inputs: layerInputs('source', kind, node.use, pipeline),
        hostInputs: kind.inputs?.(node.use.options, stepContext(pipeline)),
        tools: kind.tools,
        untracked: kind.untracked?.(node.use.options),
      };
    }
    case 'step': {
      const kind = kinds.steps.mustGet(node.step.type);
      return {
        kind: kind.type,
        inputs: layerInputs('step', kind, node.step, pipeline),
        hostInputs: kind.inputs?.(node.step.options, stepContext(pipeline)),
        secrets: kind.secrets?.(node.step.options),
        untracked: kind.untracked?.(node.step.options),
      };
    }
    case 'seal':
      return {
        kind: 'seal',
        inputs: { kind: 'seal', keyVersion: SEAL_VERSION, options: {}, ...platformInputs(pipeline) },
      };
    case 'disk':
      return {
        kind: 'disk',
        inputs: { kind: 'disk', keyVersion: DISK_VERSION, options: {} },
        tools: DISK_TOOLS,
      };
    case 'export': {
      const kind = kinds.exports.mustGet(node.export.type);
      const artifact = { extension: kind.extension(node.export.options), reproducible: kind.reproducible };
      const reads = kind.reads?.(pipeline, artifactFileName(pipeline.id, node.export, artifact.extension));
      const inputs = {
        ...kindInputs('export', kind, node.export),
        ...(kind.input === 'layers' ? platformInputs(pipeline) : {}),
        ...(reads === undefined ? {} : { reads }),
      };
      return { kind: kind.type, inputs, tools: kind.tools, artifact };
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
    options: keyOptions(kind.schema, use.options),
  };
}

function layerInputs(role: string, kind: KindDescriptor, use: KindUse, pipeline: Pipeline): KeyInputs {
  return { ...kindInputs(role, kind, use), ...platformInputs(pipeline) };
}

function platformInputs(pipeline: Pipeline): Pick<KeyInputs, 'platform' | 'sourceDateEpoch'> {
  return {
    platform: { architecture: pipeline.architecture, builder: 'rootfs' },
    sourceDateEpoch: pipeline.sourceDateEpoch,
  };
}
