import type { StackSlice } from '../model/graph.ts';
import type { Digest, NodeId } from '../model/ids.ts';
import { sha256Hex } from '../util/hash.ts';

/** Digest over a list of layer digests, bottom first: a chain of hashes, so that a longer list reuses a shorter one's. */
export function viewDigest(digests: readonly Digest[]): string {
  return digests.reduce(link, '');
}

function link(below: string, digest: Digest): string {
  return sha256Hex(`${below}\n${digest}`);
}

/** Digests of slices over layers that are known one after the other; a chain of n steps costs O(n). */
export class ViewDigests {
  readonly #prefixes = new Map<readonly NodeId[], string[]>();
  readonly #layerOf: (node: NodeId) => Digest;

  /** @param layerOf digest of a finished layer node; only asked for nodes of slices that are asked for */
  constructor(layerOf: (node: NodeId) => Digest) {
    this.#layerOf = layerOf;
  }

  of(slice: StackSlice): string {
    if (slice.only !== undefined) {
      return viewDigest(slice.only.flatMap((at) => this.#digestAt(slice.stack, at)));
    }
    let known = this.#prefixes.get(slice.stack);
    if (known === undefined) this.#prefixes.set(slice.stack, (known = ['']));
    for (let at = known.length - 1; at < slice.length; at += 1) {
      known.push(this.#digestAt(slice.stack, at).reduce(link, known[at] ?? ''));
    }
    return known[slice.length] ?? '';
  }

  #digestAt(stack: readonly NodeId[], at: number): Digest[] {
    const node = stack[at];
    return node === undefined ? [] : [this.#layerOf(node)];
  }
}
