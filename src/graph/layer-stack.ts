import type { StackSlice } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import {
  addAll,
  addBit,
  addPrefix,
  emptySet,
  hasBit,
  highestMissing,
  isPrefix,
  positions,
  type BitSet,
} from './bit-set.ts';

/** A layer node at its place in a pipeline's stack. */
interface Place {
  readonly id: NodeId;
  readonly effect: 'write' | 'run';
  /** Positions it sees; `all`: everything below it. */
  readonly sees: BitSet | 'all';
}

/** A slice whose positions are kept as bits and listed when asked for. */
class Slice implements StackSlice {
  readonly stack: readonly NodeId[];
  readonly length: number;
  readonly #seen: BitSet;

  constructor(stack: readonly NodeId[], length: number, seen: BitSet) {
    this.stack = stack;
    this.length = length;
    this.#seen = seen;
  }

  get only(): readonly number[] {
    return positions(this.#seen, this.length);
  }
}

/**
 * The layers of one pipeline in stacking order, and what each of them sees. Built bottom up; a pipeline that begins
 * with another one begins with a copy of its stack. Every operation is cheap for chains of 10,000 layers.
 */
export class LayerStack {
  /** Shared by all slices of the pipeline. */
  readonly ids: NodeId[];
  readonly #places: Place[];
  /** Number of layers that every step sees: the source, or all of the other pipeline. */
  readonly #base: number;

  private constructor(places: Place[]) {
    this.#places = places;
    this.ids = places.map((place) => place.id);
    this.#base = places.length;
  }

  static onSource(id: NodeId): LayerStack {
    return new LayerStack([{ id, effect: 'run', sees: 'all' }]);
  }

  static onPipeline(other: LayerStack): LayerStack {
    return new LayerStack([...other.#places]);
  }

  get length(): number {
    return this.#places.length;
  }

  /**
   * Puts a layer on top.
   * @param needs positions that it sees with all that these see; undefined: everything below
   * @returns what it sees, and the layers it waits for directly
   */
  push(
    id: NodeId,
    effect: 'write' | 'run',
    needs: readonly number[] | undefined,
  ): { below: StackSlice; waitsFor: readonly NodeId[] } {
    const length = this.length;
    const sees = needs === undefined ? 'all' : this.#closure(needs);
    const waitsFor = this.#reduced(sees, length);
    this.ids.push(id);
    this.#places.push({ id, effect, sees });
    const below = sees === 'all' ? { stack: this.ids, length } : new Slice(this.ids, length, sees);
    return { below, waitsFor };
  }

  /** The whole stack as it is now, and the layers that are seen by no other. */
  whole(): { stack: StackSlice; waitsFor: readonly NodeId[] } {
    return { stack: { stack: this.ids, length: this.length }, waitsFor: this.#reduced('all', this.length) };
  }

  /** Write-only layers that no step which runs programs sees. */
  unseenWrites(): readonly NodeId[] {
    const seen = emptySet(this.length);
    let prefix = 0;
    for (const [position, place] of this.#places.entries()) {
      if (place.effect !== 'run') continue;
      if (place.sees === 'all') prefix = position;
      else addAll(seen, place.sees);
    }
    return this.#places.flatMap((place, position) =>
      place.effect === 'write' && position >= prefix && !hasBit(seen, position) ? [place.id] : [],
    );
  }

  #closure(needs: readonly number[]): BitSet | 'all' {
    const length = this.length;
    if (needs.some((position) => position === length - 1 && this.#places[position]?.sees === 'all'))
      return 'all';
    const seen = emptySet(length);
    addPrefix(seen, this.#base);
    for (const position of needs) {
      addBit(seen, position);
      const below = this.#places[position]?.sees ?? 'all';
      if (below === 'all') addPrefix(seen, position);
      else addAll(seen, below);
    }
    return isPrefix(seen, length) ? 'all' : seen;
  }

  /** The fewest of the seen layers that together see all others: waiting for them is waiting for all. */
  #reduced(sees: BitSet | 'all', length: number): readonly NodeId[] {
    const top = this.#places[length - 1];
    if (top === undefined) return [];
    if (sees === 'all' && top.sees === 'all') return [top.id];
    const wanted = sees === 'all' ? emptySet(length) : sees;
    if (sees === 'all') addPrefix(wanted, length);
    const covered = emptySet(length);
    const found: NodeId[] = [];
    for (
      let at = highestMissing(wanted, covered, length);
      at >= 0;
      at = highestMissing(wanted, covered, at)
    ) {
      const place = this.#places[at];
      if (place === undefined) break;
      found.push(place.id);
      addBit(covered, at);
      if (place.sees === 'all') addPrefix(covered, at);
      else addAll(covered, place.sees);
    }
    return found.toReversed();
  }
}
