import type { GraphNode } from '../model/graph.ts';
import { fillLateNow, lateSecrets } from '../model/late-value.ts';
import type { KindUse, Pipeline, StepSpec } from '../model/pipeline.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import type { CompiledProject } from './compile.ts';

/** What comparing two compiled projects gave. */
export interface PlanComparison {
  readonly nodes: number;
  /** Nodes whose keys hold secrets: these have other names in the two, so their keys are others as well. */
  readonly secret: number;
  /** One sentence for each difference, the node first. */
  readonly differences: readonly string[];
}

/**
 * Whether two projects make the same plan: the same nodes in the same order with the same options, settings and inputs
 * of keys. Secrets and facts of the machine are compared by what they are when a node runs.
 */
export function comparePlans(one: CompiledProject, other: CompiledProject): PlanComparison {
  const differences: string[] = [];
  const say = (id: string, what: string): void => void differences.push(`${id}: ${what}`);
  const others = new Map(other.graph.nodes.map((node) => [node.id, node]));
  const ids = new Set(one.graph.nodes.map(({ id }) => id));
  for (const { id } of other.graph.nodes) if (!ids.has(id)) say(id, 'is only in the new template');
  let secret = 0;
  const pipelines = new Set<string>();
  for (const node of one.graph.nodes) {
    const twin = others.get(node.id);
    if (twin === undefined) {
      say(node.id, 'is missing in the new template');
      continue;
    }
    if (!pipelines.has(node.pipeline.id)) {
      pipelines.add(node.pipeline.id);
      for (const what of pipelineDifferences([one, node.pipeline], [other, twin.pipeline]))
        say(node.pipeline.id, what);
    }
    for (const part of changedParts(nodeParts(node, one), nodeParts(twin, other))) say(node.id, part);
    const hasSecret = holdsSecret(node, one) || holdsSecret(twin, other);
    if (hasSecret) secret += 1;
    else for (const part of changedParts(keyParts(node, one), keyParts(twin, other))) say(node.id, part);
  }
  return { nodes: ids.size, secret, differences };
}

type Parts = Readonly<Record<string, unknown>>;

function changedParts(one: Parts, other: Parts): string[] {
  return Object.keys(one)
    .filter((name) => canonicalJson([one[name]]) !== canonicalJson([other[name]]))
    .map((name) => `${name}: ${shown(one[name])} became ${shown(other[name])}`);
}

const shown = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : canonicalJson(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

function nodeParts(node: GraphNode, compiled: CompiledProject): Parts {
  const use = useOf(node);
  return {
    role: node.role,
    kind: use?.type,
    ...(use === undefined ? {} : { options: realOptions(node.id, use, compiled) }),
    settings: node.role === 'step' ? node.step.run : undefined,
    effect: node.role === 'step' ? node.effect : undefined,
    dependencies: compiled.graph.dependencies.get(node.id),
    untracked: compiled.descriptions.get(node.id)?.untracked,
  };
}

function keyParts(node: GraphNode, compiled: CompiledProject): Parts {
  const description = compiled.descriptions.get(node.id);
  return {
    'inputs of its key': description?.inputs,
    'host files in its key': description?.hostInputs,
    'programs in its key': description?.tools,
  };
}

function useOf(node: GraphNode): KindUse | undefined {
  switch (node.role) {
    case 'source':
      return node.use;
    case 'step':
      return node.step;
    case 'export':
      return node.export;
    case 'post':
      return node.post;
    case 'check':
      return node.check;
    default:
      return undefined;
  }
}

/** Facts of a machine that is not there yet, as Packer has them. */
const UNKNOWN = '<unknown>';

function realOptions(id: string, { options }: KindUse, { lateOptions, secrets }: CompiledProject): Parts {
  const values = new Map(
    secrets.flatMap(({ name, from }) => (from.type === 'value' ? [[name, from.value] as const] : [])),
  );
  const made = lateOptions?.(id, {});
  if (made !== undefined) return made;
  return fillLateNow(options, (sort, name) => (sort === 'secret' ? (values.get(name) ?? '') : UNKNOWN));
}

/** Whether a secret has a say in the node's key, also through its builder. */
function holdsSecret(node: GraphNode, { descriptions }: CompiledProject): boolean {
  return (
    (descriptions.get(node.id)?.secrets ?? []).length > 0 ||
    lateSecrets([useOf(node)?.options, node.pipeline.builder?.options]).length > 0
  );
}

type Side = readonly [compiled: CompiledProject, pipeline: Pipeline];

function pipelineDifferences(one: Side, other: Side): string[] {
  return changedParts(pipelineParts(...one), pipelineParts(...other));
}

function pipelineParts(compiled: CompiledProject, pipeline: Pipeline): Parts {
  const { id, architecture, sourceDateEpoch, builder, cleanup, disk, elsewhere, directory } = pipeline;
  const step = ({ name, type, run }: StepSpec): Parts => ({ name, type, run });
  return {
    architecture,
    sourceDateEpoch,
    builder: builder?.type,
    'options of the builder': builder === undefined ? undefined : realOptions(id, builder, compiled),
    'clean-up step': cleanup === undefined ? undefined : step(cleanup),
    'options of the clean-up step':
      cleanup === undefined ? undefined : realOptions(`${id}/${cleanup.name}`, cleanup, compiled),
    disk: { ...disk, origin: undefined },
    'own output': elsewhere === true,
    directory,
  };
}
