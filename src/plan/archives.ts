import type { ArchiveState } from '../cache/key-inputs.ts';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import { sliceNodes, type GraphNode } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../model/step-context.ts';
import type { Kinds } from './kinds.ts';

export interface ArchivesContext {
  readonly nodes: ReadonlyMap<NodeId, GraphNode>;
  readonly kinds: Kinds;
  /** What a pipeline tells its kinds about itself. */
  readonly contextOf: (pipeline: Pipeline) => StepContext;
}

/**
 * The package archives that a node installs from: those of a source itself; for a step that installs packages those of
 * its base, of the steps below that added some, and its own. Undefined for all others: what an archive holds has no say
 * in them.
 */
export function archivesRead(
  node: GraphNode,
  context: ArchivesContext,
): readonly ArchiveReference[] | undefined {
  const unlocked = node.role === 'source' && node.use.unlocked === true;
  const archives = readersOf(node, context)
    .flatMap((reader) => ownArchives(reader, context))
    // What a download or an image is has its say through the layer that it gave.
    .filter(({ wanted }) => node.role === 'source' || wanted.type === 'sources' || wanted.type === 'release')
    // Without a lock the source itself asks for the image, by its name.
    .filter(({ wanted }) => !unlocked || wanted.type !== 'image');
  if (archives.length === 0) return undefined;
  const byName = Map.groupBy(archives, ({ name }) => name);
  const freshMs = freshnessOf(node);
  return [...byName.values()].flatMap(([first]) => {
    if (first === undefined) return [];
    return [{ ...first, ...(freshMs !== undefined && { freshMs }), ...(unlocked && { unlocked }) }];
  });
}

function readersOf(node: GraphNode, { nodes, kinds }: ArchivesContext): readonly GraphNode[] {
  if (node.role === 'source') return [node];
  if (node.role !== 'step') return [];
  const kind = kinds.steps.mustGet(node.step.type);
  if (kind.readsArchives?.(node.step.options) !== true) return [];
  return [...sliceNodes(node.below).flatMap((id) => nodes.get(id) ?? []), node];
}

function ownArchives(node: GraphNode, { kinds, contextOf }: ArchivesContext): readonly ArchiveReference[] {
  const context = contextOf(node.pipeline);
  if (node.role === 'source')
    return kinds.sources.mustGet(node.use.type).archives?.(node.use.options, context) ?? [];
  if (node.role !== 'step') return [];
  return kinds.steps.mustGet(node.step.type).archives?.(node.step.options, context) ?? [];
}

function freshnessOf(node: GraphNode): number | undefined {
  if (node.role === 'source') return node.use.freshMs;
  return node.role === 'step' ? node.step.freshMs : undefined;
}

/**
 * State of archives as it goes into a key. One that the lock does not know yet has the empty state, under which nothing
 * is ever recorded: a build looks it up first.
 * @param addresses whether the node writes the addresses into the image
 */
export function archiveStates(
  references: readonly ArchiveReference[],
  lock: ReadonlyMap<string, LockedArchive>,
  addresses: boolean,
): Record<string, readonly ArchiveState[]> {
  return Object.fromEntries(
    references.map(({ name }) => [
      name,
      (lock.get(name)?.releases ?? []).map(({ suite, content, uri }) =>
        addresses ? { suite, content, uri } : { suite, content },
      ),
    ]),
  );
}
