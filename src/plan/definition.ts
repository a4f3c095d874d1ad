import { resolve } from 'node:path';
import type { KeyInputs } from '../cache/key-inputs.ts';
import { unreachable } from '../diagnostics/failure.ts';
import type { GraphNode } from '../model/graph.ts';
import type { HostInput } from '../model/host-input.ts';
import type { KindUse, Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../provisioners/provisioner.ts';
import { keyOptions, type KindDescriptor } from '../schema/kind.ts';
import type { InputHasher } from './input-digest.ts';
import type { Kinds } from './kinds.ts';
import type { SecretResolver } from './secret-resolver.ts';

/** Raised when the rules of the seal, of commits or of the disk change, so that old results are not used again. */
const SEAL_VERSION = 1;
const DISK_VERSION = 1;

/** What a node is made of by itself, before anything below it is known. */
export interface Definition {
  readonly inputs: KeyInputs;
  /** Why its result may not be cached, in the user's words. */
  readonly untracked?: string;
}

export interface DefinitionContext {
  readonly kinds: Kinds;
  readonly hasher: InputHasher;
  readonly secrets: SecretResolver;
}

/**
 * The part of a node's key that its own declaration gives: options, host inputs, secrets, platform.
 * @throws FailureError `input-missing`, `secret-missing`
 */
export function defineNode(node: GraphNode, context: DefinitionContext): Definition {
  const { pipeline } = node;
  switch (node.role) {
    case 'source': {
      const kind = context.kinds.sources.mustGet(node.use.type);
      const inputs = kind.inputs?.(node.use.options, stepContext(pipeline));
      return {
        inputs: { ...layerInputs('source', kind, node.use, pipeline), inputs: digests(inputs, node.use, context) },
        untracked: kind.untracked?.(node.use.options),
      };
    }
    case 'step': {
      const kind = context.kinds.steps.mustGet(node.step.type);
      const inputs = kind.inputs?.(node.step.options, stepContext(pipeline));
      const secrets = kind.secrets?.(node.step.options) ?? [];
      return {
        inputs: {
          ...layerInputs('step', kind, node.step, pipeline),
          inputs: digests(inputs, node.step, context),
          secrets: Object.fromEntries(secrets.map((name) => [name, context.secrets.keyedHash(name)])),
        },
        untracked: kind.untracked?.(node.step.options),
      };
    }
    case 'seal':
      return { inputs: { kind: 'seal', keyVersion: SEAL_VERSION, options: {}, ...platformInputs(pipeline) } };
    case 'disk':
      return { inputs: { kind: 'disk', keyVersion: DISK_VERSION, options: {} } };
    case 'export': {
      const kind = context.kinds.exports.mustGet(node.export.type);
      return { inputs: kindInputs('export', kind, node.export) };
    }
    case 'check': {
      const kind = context.kinds.checks.mustGet(node.check.type);
      return { inputs: kindInputs('check', kind, node.check) };
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
  return { kind: `${role}:${kind.type}`, keyVersion: kind.keyVersion, options: keyOptions(kind.schema, use.options) };
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

function digests(
  inputs: readonly HostInput[] | undefined,
  use: KindUse,
  context: DefinitionContext,
): Record<string, string> | undefined {
  if (inputs === undefined || inputs.length === 0) return undefined;
  return Object.fromEntries(inputs.map((input) => [input.option, context.hasher.digest(input, use.origin)]));
}
