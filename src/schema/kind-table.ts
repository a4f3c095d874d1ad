import type { KindDescriptor } from './kind.ts';

/** Kinds of one sort by name. Reading is plain; adding twice is a bug. */
export class KindTable<Kind extends KindDescriptor> {
  readonly #kinds = new Map<string, Kind>();
  readonly sort: string;

  /** @param sort what the kinds are called in messages: `step`, `source`, `export`, `check`. */
  constructor(sort: string, kinds: readonly Kind[] = []) {
    this.sort = sort;
    for (const kind of kinds) this.add(kind);
  }

  add(kind: Kind): void {
    if (this.#kinds.has(kind.type)) throw new Error(`${this.sort} kind ${kind.type} is registered twice`);
    this.#kinds.set(kind.type, kind);
  }

  get(type: string): Kind | undefined {
    return this.#kinds.get(type);
  }

  /** For types that validation has already found in this table. */
  mustGet(type: string): Kind {
    const kind = this.#kinds.get(type);
    if (kind === undefined) throw new Error(`no ${this.sort} kind ${type}`);
    return kind;
  }

  get types(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  get all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }
}
