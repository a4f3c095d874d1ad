import { MANIFEST_HEADER, parseEntry, unescape, type ByteString, type ManifestEntry } from './manifest.ts';

/**
 * Looks up entries in a manifest's text without parsing all of it: a base layer has 14,000 lines, a lookup reads
 * about 14 of them.
 */
export class ManifestIndex {
  readonly #text: string;
  readonly #first: number;

  /** @param text a whole manifest, as `formatManifest` gives it */
  constructor(text: string) {
    this.#text = text;
    this.#first = MANIFEST_HEADER.length + 1;
  }

  /** The index of a text that was read; undefined when it is no whole manifest, as a crash may leave behind. */
  static of(text: string): ManifestIndex | undefined {
    return text.startsWith(`${MANIFEST_HEADER}\n`) && text.endsWith('\n')
      ? new ManifestIndex(text)
      : undefined;
  }

  find(path: ByteString): ManifestEntry | undefined {
    const start = this.#lowerBound(path);
    return start < this.#text.length && this.#pathAt(start) === path
      ? parseEntry(this.#lineAt(start))
      : undefined;
  }

  /** Entries directly in a folder, in byte order. */
  *children(directory: ByteString): Generator<ManifestEntry> {
    const prefix = directory === '/' ? '/' : `${directory}/`;
    for (let at = this.#lowerBound(prefix); at < this.#text.length; at = this.#next(at)) {
      const path = this.#pathAt(at);
      if (!path.startsWith(prefix)) return;
      if (path.length > prefix.length && !path.includes('/', prefix.length))
        yield parseEntry(this.#lineAt(at));
    }
  }

  *entries(): Generator<ManifestEntry> {
    for (let at = this.#first; at < this.#text.length; at = this.#next(at))
      yield parseEntry(this.#lineAt(at));
  }

  /** Start of the first line whose path is not less than `path`. */
  #lowerBound(path: ByteString): number {
    let low = this.#first;
    let high = this.#text.length;
    while (low < high) {
      const middle = this.#text.lastIndexOf('\n', (low + high) >> 1) + 1;
      // The middle may fall into the first line of the range: then look at that line.
      const start = Math.max(low, middle);
      if (this.#pathAt(start) < path) low = this.#next(start);
      else high = start;
    }
    return low;
  }

  #next(start: number): number {
    const end = this.#text.indexOf('\n', start);
    return end === -1 ? this.#text.length : end + 1;
  }

  #pathAt(start: number): ByteString {
    return unescape(this.#text.slice(start, this.#text.indexOf(' ', start)));
  }

  #lineAt(start: number): string {
    return this.#text.slice(start, this.#next(start) - 1);
  }
}
