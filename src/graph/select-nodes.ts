import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import { globToRegExp } from '../util/glob.ts';

/** Globs of what is wanted. Each matches a pipeline (name or id) or a node (`pipeline/export`). */
export interface NodeSelection {
  /** Pipelines to build; empty: all. */
  readonly pipelines: readonly string[];
  /** When not empty, only these. */
  readonly only: readonly string[];
  readonly except: readonly string[];
}

/**
 * The part of a graph that is needed for the chosen targets. Targets are the exports, post-processors and checks of the
 * chosen pipelines, and the steps of pipelines that have neither; a pipeline that is only the source of another one gives its
 * steps and nothing else.
 */
export function selectNodes(graph: PipelineGraph, selection: NodeSelection): Result<PipelineGraph> {
  const failures = [...selection.pipelines, ...selection.only].flatMap((pattern) =>
    unmatched(graph, pattern),
  );
  if (failures.length > 0) return fail(...failures);
  const withTargets = new Set(graph.nodes.filter(isTarget).map((node) => node.pipeline.id));
  const wanted = graph.nodes.filter(
    (node) =>
      (isTarget(node) || !withTargets.has(node.pipeline.id)) &&
      (selection.pipelines.length === 0 ||
        selection.pipelines.some((pattern) => matchesPipeline(node, pattern))) &&
      (selection.only.length === 0 || selection.only.some((pattern) => matches(node, pattern))) &&
      !selection.except.some((pattern) => matches(node, pattern)),
  );
  const kept = closure(graph, wanted);
  return ok({ nodes: graph.nodes.filter((node) => kept.has(node.id)), dependencies: graph.dependencies });
}

const isTarget = (node: GraphNode): boolean =>
  node.role === 'export' || node.role === 'post' || node.role === 'check';

function matchesPipeline(node: GraphNode, pattern: string): boolean {
  const glob = globToRegExp(pattern);
  return glob.test(node.pipeline.name) || glob.test(node.pipeline.id);
}

function matches(node: GraphNode, pattern: string): boolean {
  const glob = globToRegExp(pattern);
  return (
    matchesPipeline(node, pattern) ||
    glob.test(node.id) ||
    glob.test(`${node.pipeline.name}/${node.name}`) ||
    // Post-processors belong to their export.
    (node.role === 'post' && glob.test(node.export))
  );
}

function unmatched(graph: PipelineGraph, pattern: string): Failure[] {
  if (graph.nodes.some((node) => matches(node, pattern))) return [];
  const names = new Set(
    graph.nodes.flatMap((node) => [node.pipeline.name, ...(isTarget(node) ? [node.id] : [])]),
  );
  return [
    {
      reason: 'template-not-found',
      message: `nothing matches \`${pattern}\``,
      hint: suggestName(pattern, names, 'pipelines') ?? 'There are no pipelines.',
    },
  ];
}

/** The nodes and all that they depend on. */
function closure(graph: PipelineGraph, wanted: readonly GraphNode[]): ReadonlySet<NodeId> {
  const kept = new Set(wanted.map((node) => node.id));
  const open = [...kept];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const dependency of graph.dependencies.get(id) ?? []) {
      if (kept.has(dependency)) continue;
      kept.add(dependency);
      open.push(dependency);
    }
  }
  return kept;
}
