import type { Artifact } from '../../../model/artifact.ts';
import type { GraphNode } from '../../../model/graph.ts';
import type { NodeId } from '../../../model/ids.ts';
import type { PackerBuild } from '../../../template/packer-lower/packer-build.ts';

/** What a kind of post-processor does with the artifact it gets; `forced`: whatever the user says. */
export type KeepRule = (type: string) => { readonly default: boolean; readonly forced?: boolean };

export interface FinalArtifacts {
  /** Listed in the end. */
  readonly kept: readonly Artifact[];
  /** Their files are deleted: a post-processor has made something else of them, and nobody said to keep them. */
  readonly dropped: readonly Artifact[];
}

/**
 * Packer's rules: the first post-processor of any chain may keep the builder's artifact; a later one keeps or drops
 * that of the one before it. Without post-processors it is kept.
 * @param nodes of the build's pipeline
 */
export function finalArtifacts(
  build: PackerBuild,
  nodes: readonly GraphNode[],
  artifacts: ReadonlyMap<NodeId, Artifact>,
  keepRule: KeepRule,
): FinalArtifacts {
  const origin = nodes.find((node) => node.role === 'export');
  const original = origin === undefined ? undefined : artifacts.get(origin.id);
  if (origin === undefined || original === undefined) return { kept: [], dropped: [] };
  const kept: Artifact[] = [];
  const dropped: Artifact[] = [];
  let keepsOriginal = build.chains.length === 0;
  const posts = nodes.filter((node) => node.role === 'post');
  let next = 0;
  for (const chain of build.chains) {
    const own = posts.slice(next, next + chain.length);
    next += chain.length;
    let prior: Artifact | undefined = original;
    for (const [index, node] of own.entries()) {
      const made = artifacts.get(node.id);
      if (made === undefined) {
        prior = undefined;
        break;
      }
      const { default: byDefault, forced } = keepRule(node.post.type);
      const wanted = chain[index]?.keepInputArtifact;
      const keep = wanted === undefined || (byDefault && !wanted && forced === true) ? byDefault : wanted;
      if (index === 0) keepsOriginal ||= keep;
      else if (prior !== undefined) (keep ? kept : dropped).push(prior);
      prior = made;
    }
    if (prior !== undefined) kept.push(prior);
  }
  if (keepsOriginal) kept.unshift(original);
  else dropped.push(original);
  return { kept, dropped };
}
