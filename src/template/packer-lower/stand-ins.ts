import { lateValue } from '../../model/late-value.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { Redactor } from '../../util/redact.ts';
import type { ComponentOptions } from '../packer-kinds/component.ts';

/** A component's options as they are in several surroundings. */
export interface OptionReadings {
  /** As before a build runs: `<unknown>` for what the machine will tell. */
  readonly plain: ComponentOptions;
  /** With a stand-in of its own for every fact of the machine. */
  readonly symbolic: ComponentOptions;
  /** With another clock and other dice; undefined when nothing looked at them. */
  readonly elsewhere: ComponentOptions | undefined;
}

/** What goes into graph and key in the place of options. */
export interface StandIns {
  readonly options: ComponentOptions;
  /** Names of options that hold facts of the machine: they are made again when it runs. */
  readonly late: readonly string[];
  /** Names of options in the key that differ from run to run. */
  readonly volatile: readonly string[];
  /** Names of all options that differ from run to run. */
  readonly moving: readonly string[];
  /** Texts that hold secrets, by the names of their stand-ins. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Finds secrets in texts: as they are, encoded, or as a whole. */
export class SecretFinder {
  readonly #redactor = new Redactor();
  readonly #whole: ReadonlySet<string>;

  constructor(secrets: readonly string[]) {
    for (const secret of secrets) this.#redactor.add(secret);
    this.#whole = new Set(secrets);
  }

  has(text: string): boolean {
    return this.#whole.has(text) || this.#redactor.text(text) !== text;
  }

  /** The text with `standIn` for each secret in it; for the whole of it when one is encoded. */
  replace(text: string, standIn: string): string {
    const plain = [...this.#whole].filter((secret) => this.#redactor.text(secret) !== secret);
    const replaced = plain
      .toSorted((a, b) => b.length - a.length)
      .reduce((rest, secret) => rest.replaceAll(secret, standIn), text);
    return replaced === text || this.has(replaced.replaceAll(standIn, '')) ? standIn : replaced;
  }
}

/**
 * Tells the options apart that cannot be in a key as they are, without following values through the language: options
 * that differ between two readings depend on what differs between the surroundings.
 * @param owner begins the names of stand-ins of secrets, so that they are unique
 * @param inKey whether an option's value is in the key
 */
export function standInsOf(
  { plain, symbolic, elsewhere }: OptionReadings,
  secrets: SecretFinder,
  owner: string,
  inKey: (name: string) => boolean,
): StandIns {
  const names = Object.keys(symbolic);
  const differs = (name: string, other: ComponentOptions): boolean =>
    canonicalJson([symbolic[name]]) !== canonicalJson([other[name]]);
  const late = names.filter((name) => differs(name, plain));
  const volatile = elsewhere === undefined ? [] : names.filter((name) => differs(name, elsewhere));
  const found = new Map<string, string>();
  const hide = (value: unknown, path: string): unknown =>
    mapTexts(value, path, (text, at) => {
      if (!secrets.has(text)) return text;
      const name = `${owner}:${at}`;
      found.set(name, text);
      return secrets.replace(text, lateValue('secret', name));
    });
  const marked = names.map((name) => {
    const shown = late.includes(name) ? withMark(symbolic[name]) : symbolic[name];
    return [name, inKey(name) ? hide(shown, name) : shown] as const;
  });
  return {
    options: Object.fromEntries(marked),
    late,
    volatile: volatile.filter(inKey),
    moving: volatile,
    secrets: found,
  };
}

/** A function of the language may have changed a stand-in beyond recognition: then one is put behind the text. */
function withMark(value: unknown): unknown {
  if (JSON.stringify(value).includes(lateValue('build', '').slice(0, -2))) return value;
  let done = false;
  return mapTexts(value, '', (text) => {
    if (done) return text;
    done = true;
    return text + lateValue('build', 'changed');
  });
}

function mapTexts(value: unknown, path: string, change: (text: string, path: string) => string): unknown {
  if (typeof value === 'string') return change(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, `${path}[${index}]`, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapTexts(item, `${path}.${name}`, change)]),
  );
}
