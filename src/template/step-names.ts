import path from 'node:path';

/** Options that say what a step is about, in the order in which they are looked for. */
const TELLING = ['path', 'user', 'group', 'unit', 'service', 'script', 'source'] as const;

/**
 * Name of a step that has none: its kind and, where one option says what it is about, that (`file-motd`,
 * `user-deploy`). Does not depend on the step's position, so that a step put before it does not rename it.
 */
export function defaultName(type: string, options: Readonly<Record<string, unknown>>): string {
  for (const option of TELLING) {
    const value = options[option];
    if (typeof value !== 'string') continue;
    const slug = path.posix
      .basename(value)
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replaceAll(/^[-.]+|[-.]+$/g, '');
    if (slug !== '') return `${type}-${slug}`.slice(0, 56);
  }
  return type;
}

/** Gives out names; a name that is taken gets the first free number from 2 on. */
export class NameGiver {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  free(wanted: string): string {
    let name = wanted;
    for (let number = this.#next.get(wanted) ?? 2; this.#taken.has(name); number += 1) {
      name = `${wanted}-${number}`;
      this.#next.set(wanted, number + 1);
    }
    this.#taken.add(name);
    return name;
  }
}
