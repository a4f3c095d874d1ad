import type { ActionRecord } from '../cache/action-record.ts';
import { listRecords } from '../cache/inventory.ts';
import type { KeyInputs } from '../cache/key-inputs.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { Lock } from '../freshness/lock-file.ts';
import { insertBelow } from '../graph/insert-below.ts';
import type { GraphNode } from '../model/graph.ts';
import { asDigest, asNodeId } from '../model/ids.ts';
import type { NodeDescription } from '../plan/describe.ts';
import type { Probe, Prober } from '../plan/prober.ts';
import type { Kinds } from '../plan/kinds.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import { Redactor } from '../util/redact.ts';
import type { CompiledProject } from './compile.ts';
import type { Session } from './session.ts';

type StepNode = GraphNode & { role: 'step' };

/**
 * The project with every step that would install a long list anew in two: one that the cache has, with the largest part
 * of the list that was ever installed on the same layers from the same archives, and one that installs the rest on it.
 * Whether the tree is the one that the whole list gives, nobody knows before it is built from scratch: so the rest has
 * a key of its own that is marked as grown.
 */
export async function growPackages(
  session: Session,
  compiled: CompiledProject,
  lock?: Lock,
): Promise<CompiledProject> {
  const kinds = await session.kinds();
  if (!compiled.graph.nodes.some((node) => listOf(node, kinds) !== undefined)) return compiled;
  const { prober } = await session.prober(compiled, {
    noCache: false,
    redactor: new Redactor(),
    ...(lock && { lock }),
  });
  const misses = missedSteps(compiled, prober).filter((node) => listOf(node, kinds) !== undefined);
  if (misses.length === 0) return compiled;
  const records = listRecords(session.layout);
  return misses.reduce((project, node) => grow(session, project, node, { records, prober, kinds }), compiled);
}

/** Steps of which all is known that lies below them, and which are not in the cache. */
function missedSteps({ graph }: CompiledProject, prober: Prober): StepNode[] {
  return graph.nodes.flatMap((node): StepNode[] => {
    const needs = graph.dependencies.get(node.id) ?? [];
    if (needs.some((id) => prober.output(id) === undefined)) return [];
    if (node.role !== 'source' && node.role !== 'step') return [];
    const probe = probeSafely(node, prober);
    if (probe === undefined) return [];
    if (probe.state === 'hit' || probe.state === 'unverified') prober.settle(node.id, probe.record.output);
    return probe.state === 'miss' && node.role === 'step' ? [node] : [];
  });
}

/** A missing input file or secret is the build's to tell. */
function probeSafely(node: GraphNode, prober: Prober): Probe | undefined {
  try {
    return prober.probe(node);
  } catch (error) {
    if (error instanceof FailureError) return undefined;
    throw error;
  }
}

function listOf(node: GraphNode, kinds: Kinds): readonly unknown[] | undefined {
  if (node.role !== 'step') return undefined;
  return kinds.steps.mustGet(node.step.type).grow?.list(node.step.options);
}

function grow(
  session: Session,
  compiled: CompiledProject,
  node: StepNode,
  known: { readonly records: readonly ActionRecord[]; readonly prober: Prober; readonly kinds: Kinds },
): CompiledProject {
  const kind = known.kinds.steps.mustGet(node.step.type);
  const description = compiled.descriptions.get(node.id);
  const wanted = listOf(node, known.kinds);
  if (kind.grow === undefined || wanted === undefined || description === undefined) return compiled;
  const { option } = kind.grow;
  const found = largestPart(session, known.records, known.prober.inputs(node), option, wanted);
  if (found === undefined) return compiled;
  const part = found.inputs.options[option] as readonly unknown[];
  const names = new Set(part.map((item) => canonicalJson(item)));
  const rest = wanted.filter((item) => !names.has(canonicalJson(item)));
  const withList = (list: readonly unknown[]): StepNode => ({
    ...node,
    step: { ...node.step, options: { ...node.step.options, [option]: list } },
  });
  const added = { ...withList(part), id: asNodeId(`${node.id}.grown-from`), name: `${node.name}.grown-from` };
  const inputsWith = (list: readonly unknown[]): KeyInputs => ({
    ...description.inputs,
    options: { ...description.inputs.options, [option]: list },
  });
  const ofRest: NodeDescription = {
    ...description,
    inputs: { ...inputsWith(rest), grown: true },
    grown: `grows from ${part.length} cached by ${rest.map(nameOf).join(', ')}`,
  };
  return {
    ...compiled,
    graph: insertBelow(compiled.graph, added, withList(rest)),
    descriptions: new Map([
      ...compiled.descriptions,
      [added.id, { ...description, inputs: inputsWith(part) }],
      [node.id, ofRest],
    ]),
  };
}

/** The record of the longest list that is a part of the wanted one, with all other inputs equal. */
function largestPart(
  session: Session,
  records: readonly ActionRecord[],
  inputs: KeyInputs,
  option: string,
  wanted: readonly unknown[],
): ActionRecord | undefined {
  const others = (one: KeyInputs): string =>
    canonicalJson({ ...one, options: { ...one.options, [option]: undefined } });
  const rest = others(inputs);
  const names = new Set(wanted.map((item) => canonicalJson(item)));
  const sizeOf = ({ inputs: { options } }: ActionRecord): number => {
    const list = options[option];
    return Array.isArray(list) ? list.length : 0;
  };
  const parts = records.filter((record) => {
    const list = record.inputs.options[option];
    const isPart =
      record.inputs.kind === inputs.kind &&
      Array.isArray(list) &&
      list.length > 0 &&
      list.length < wanted.length &&
      list.every((item) => names.has(canonicalJson(item)));
    const { output } = record;
    return (
      isPart &&
      others(record.inputs) === rest &&
      output.type === 'layer' &&
      session.layers.hasLayer(asDigest(output.digest)) &&
      session.actions.get(record.key) !== undefined
    );
  });
  return parts.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0];
}

const nameOf = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'name' in item ? String(item.name) : String(item);
