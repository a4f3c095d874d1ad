const MASK = '<sensitive>';

/** Shortest secret that is searched for in its own right; shorter ones would mask ordinary text. */
const SHORTEST = 4;

/**
 * Replaces secret values in text by `<sensitive>`: as they are, base64, URL- and shell-escaped, JSON-escaped, and
 * each line of a value of several lines.
 */
export class Redactor {
  #needles: string[] = [];

  /** Adds a value to hide. Values shorter than 4 characters are not searched for. */
  add(secret: string): void {
    const forms = new Set<string>();
    for (const value of [secret, ...secret.split('\n')]) {
      const text = value.trimEnd();
      if (text.length < SHORTEST) continue;
      forms.add(text);
      forms.add(encodeURIComponent(text.toWellFormed()));
      forms.add(JSON.stringify(text).slice(1, -1));
      forms.add(text.replaceAll("'", `'\\''`));
      forms.add(text.replaceAll("'", `'"'"'`));
      for (const form of base64Forms(text)) forms.add(form);
    }
    this.#needles = [...new Set([...this.#needles, ...forms])].toSorted((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let clean = text;
    for (const needle of this.#needles) clean = clean.replaceAll(needle, MASK);
    return clean;
  }

  /** A deep copy with every string cleaned; the same object when there is nothing to hide. */
  value<T>(value: T): T {
    return this.#needles.length === 0 ? value : (this.#deep(value) as T);
  }

  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#deep(item));
    if (value instanceof Error) return this.text(String(value));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#deep(item)]));
    }
    return value;
  }
}

/** Base64 of the text at each of the three alignments it can have inside a longer encoded text. */
export function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters of a shifted form also hold bits of its neighbours.
    const whole = encoded.slice(
      shift === 0 ? 0 : shift + 1,
      (shift + bytes.length) % 3 === 0 ? undefined : -1,
    );
    return whole.length < 6 ? [] : [whole, whole.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
