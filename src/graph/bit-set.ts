/** Positions of a stack as bits: for 10,000 layers 1.2 kB instead of a list of up to 80 kB. */
export type BitSet = Uint32Array;

export const emptySet = (size: number): BitSet => new Uint32Array((size + 31) >>> 5);

export function addBit(set: BitSet, position: number): void {
  set[position >>> 5] = (set[position >>> 5] ?? 0) | (1 << (position & 31));
}

export function hasBit(set: BitSet, position: number): boolean {
  return ((set[position >>> 5] ?? 0) & (1 << (position & 31))) !== 0;
}

/** Adds all positions below `length`. */
export function addPrefix(set: BitSet, length: number): void {
  const whole = length >>> 5;
  set.fill(0xffffffff, 0, whole);
  if ((length & 31) !== 0) set[whole] = (set[whole] ?? 0) | ((1 << (length & 31)) - 1);
}

/** Adds all positions of `other`, which may be shorter. */
export function addAll(set: BitSet, other: BitSet): void {
  for (let word = 0; word < other.length; word++) set[word] = (set[word] ?? 0) | (other[word] ?? 0);
}

/** The highest position below `from` that is in `wanted` and not in `covered`; -1 when there is none. */
export function highestMissing(wanted: BitSet, covered: BitSet, from: number): number {
  for (let word = (from - 1) >>> 5; from > 0 && word >= 0; word--) {
    let bits = (wanted[word] ?? 0) & ~(covered[word] ?? 0);
    if (word === (from - 1) >>> 5 && (from & 31) !== 0) bits &= (1 << (from & 31)) - 1;
    if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
  }
  return -1;
}

/** All positions below `length`, ascending. */
export function positions(set: BitSet, length: number): number[] {
  const found: number[] = [];
  for (let position = 0; position < length; position++) if (hasBit(set, position)) found.push(position);
  return found;
}

/** Whether every position below `length` is in the set. */
export function isPrefix(set: BitSet, length: number): boolean {
  const whole = length >>> 5;
  for (let word = 0; word < whole; word++) if (set[word] !== 0xffffffff) return false;
  const rest = (1 << (length & 31)) - 1;
  return (length & 31) === 0 || ((set[whole] ?? 0) & rest) === rest;
}
