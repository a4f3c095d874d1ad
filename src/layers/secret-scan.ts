import { base64Forms, wrappedBase64 } from '../util/redact.ts';

/** A secret whose bytes must not be in a layer. */
export interface SecretValue {
  readonly name: string;
  readonly value: string;
}

/** Shortest text that is searched for: shorter ones are found in any program by chance. */
const SHORTEST_SECRET = 8;

/**
 * Finds secrets in bytes: the value as it is, each long line of a value of several lines (not the armour around a
 * key), and base64 at every alignment or broken into lines. Compressed or encrypted copies are beyond it. Costs one search in memory for
 * each form, while the bytes are in the processor's cache for hashing anyway.
 */
export class SecretScan {
  readonly #needles: readonly (readonly [name: string, needle: Buffer])[];
  /** Bytes to keep of one piece so that nothing is missed across the border to the next. */
  readonly overlap: number;

  constructor(secrets: readonly SecretValue[]) {
    this.#needles = secrets.flatMap(({ name, value }) =>
      [...formsOf(value)].map((form) => [name, Buffer.from(form)] as const),
    );
    this.overlap = Math.max(0, ...this.#needles.map(([, needle]) => needle.length - 1));
  }

  /** Name of the first secret found. */
  find(bytes: Buffer): string | undefined {
    return this.#needles.find(([, needle]) => bytes.includes(needle))?.[0];
  }
}

function formsOf(secret: string): Set<string> {
  const lines = secret.split('\n').map((line) => line.trim());
  const parts =
    lines.length === 1 ? [] : lines.filter((line) => line.length >= 20 && !line.includes('-----'));
  const texts = [secret.trim(), ...parts].filter((text) => text.length >= SHORTEST_SECRET);
  return new Set([...texts.flatMap((text) => [text, ...base64Forms(text)]), ...wrappedBase64(secret.trim())]);
}
