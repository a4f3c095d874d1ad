import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Extract, Header } from 'tar-stream';
import { FailureError } from '../../diagnostics/failure.ts';
import type { TreeState } from './tree-state.ts';

/** What must be known of a tar before it is unpacked. */
export interface TarScan {
  /** Names, as the tar has them, of entries that are not unpacked: device nodes and whiteouts. */
  readonly excluded: readonly string[];
  /** Paths of the tree, relative to it, that go before the tar is unpacked. */
  readonly removals: readonly string[];
  readonly entries: number;
  /** SHA-256 of the decompressed tar, in hex. */
  readonly sha256: string;
}

export interface ScanOptions {
  /** For messages: which tar. */
  readonly name: string;
  /** Tree as the tars before it made it; this tar's entries are added. */
  readonly state: TreeState;
  readonly stripComponents?: number;
  /** Gives the meaning of container layers to `.wh.` names (OCI image specification, "Representing Changes"). */
  readonly whiteouts?: boolean;
  /** A layer may change nothing; a root file system that holds nothing is a mistake. */
  readonly mayBeEmpty?: boolean;
}

/** Name of the marker by which a layer hides all that lower layers have in a folder. */
const OPAQUE = '.wh..wh..opq';
const WHITEOUT = '.wh.';

/**
 * Reads the whole tar without writing anything.
 * @throws FailureError `source-failed` when it is damaged or an entry would be written outside of the tree
 */
export async function scanTar(stream: Readable, options: ScanOptions): Promise<TarScan> {
  const { extract } = await import('./tar-stream-library.ts');
  const hash = createHash('sha256');
  const parser = extract();
  const collector = new Collector(options);
  const feeding = feed(stream, parser, (chunk) => hash.update(chunk));
  try {
    for await (const entry of parser) {
      collector.note(entry.header);
      entry.resume();
    }
    await feeding;
  } catch (error) {
    if (error instanceof FailureError) throw error;
    throw new FailureError({
      reason: 'source-failed',
      message: `${options.name} is not a whole tar: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Make or fetch the file again.',
      cause: error,
    });
  }
  const collected = collector.finish();
  if (collected.entries === 0 && options.mayBeEmpty !== true) {
    throw new FailureError({
      reason: 'source-failed',
      message: `${options.name} is not a tar, or an empty one`,
    });
  }
  return { ...collected, sha256: hash.digest('hex') };
}

/** Writes a stream into the parser; its errors end the parser, and so the loop that reads from it. */
async function feed(stream: Readable, parser: Extract, onChunk: (chunk: Buffer) => void): Promise<void> {
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      onChunk(bytes);
      if (!parser.write(bytes)) await drained(parser);
      if (parser.destroyed) return;
    }
    parser.end(null);
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)));
  } finally {
    stream.destroy();
  }
}

/** When the parser takes more, or will take no more; the listener of the other event does not stay. */
async function drained(parser: Extract): Promise<void> {
  const decided = new AbortController();
  const { signal } = decided;
  try {
    await Promise.race([once(parser, 'drain', { signal }), once(parser, 'close', { signal })]);
  } finally {
    decided.abort();
  }
}

/** The parts of a header that matter here. */
type Entry = Pick<Header, 'name' | 'type' | 'linkname'>;

class Collector {
  readonly #options: ScanOptions;
  readonly #entries: Entry[] = [];
  readonly #excluded: string[] = [];
  readonly #removals = new Set<string>();

  constructor(options: ScanOptions) {
    this.#options = options;
    options.state.nextLayer();
  }

  note({ name, type, linkname, pax }: Header): void {
    // A sparse file of GNU tar is unpacked to the name in this record, not to that of its header.
    const sparse = (pax as Readonly<Record<string, string>> | null | undefined)?.['GNU.sparse.name'];
    const named = sparse ?? name;
    // A record may hold any byte; where a text in C or a list of names ends it would mean another path.
    for (const text of [named, linkname])
      if (text?.includes('\0')) throw this.#refused(named, 'has a zero byte in its name');
    this.#entries.push({ name: named, type, linkname });
  }

  /** Whiteouts first: they hide what lower tars brought, never what this one brings, wherever it lists them. */
  finish(): Omit<TarScan, 'sha256'> {
    const { whiteouts, stripComponents = 0 } = this.#options;
    const placed = this.#entries.flatMap((entry) => {
      const path = this.#parts(entry.name).slice(stripComponents);
      return path.length === 0 ? [] : [{ entry, path }];
    });
    const isWhiteout = (path: readonly string[]): boolean =>
      whiteouts === true && path.at(-1)?.startsWith(WHITEOUT) === true;
    for (const { entry, path } of placed) if (isWhiteout(path)) this.#whiteout(entry, path);
    for (const { entry, path } of placed) if (!isWhiteout(path)) this.#add(entry, path);
    return { excluded: this.#excluded, removals: [...this.#removals], entries: this.#entries.length };
  }

  #add(entry: Entry, path: readonly string[]): void {
    const { state } = this.#options;
    if (!state.isInside(path))
      throw this.#refused(entry.name, 'lies behind a symbolic link that leads out of the tree');
    const { type } = entry;
    if (type === 'character-device' || type === 'block-device') {
      this.#exclude(entry.name);
      return;
    }
    if (type === 'link') this.#checkLink(entry);
    const kind = type === 'directory' || type === 'symlink' ? type : 'other';
    const lower = state.lowerType(path);
    if (lower !== undefined && lower !== kind && (lower === 'directory' || kind === 'directory'))
      this.#remove(path);
    state.add(path, kind, entry.linkname);
  }

  #whiteout(entry: Entry, path: readonly string[]): void {
    this.#exclude(entry.name);
    const name = path.at(-1) ?? '';
    const folder = path.slice(0, -1);
    if (name === OPAQUE) {
      for (const child of this.#options.state.lowerChildren(folder)) this.#remove([...folder, child]);
      return;
    }
    // Names such as .wh..wh.plnk belong to the driver that made the layer.
    if (!name.startsWith('.wh..wh.')) this.#remove([...folder, name.slice(WHITEOUT.length)]);
  }

  #remove(path: readonly string[]): void {
    const { state } = this.#options;
    if (state.hasLinkOnWay(path))
      throw this.#refused(path.join('/'), 'would be deleted through a symbolic link');
    if (state.lowerType(path) === undefined) return;
    this.#removals.add(path.join('/'));
    state.removeLower(path);
  }

  #checkLink(entry: Entry): void {
    const target = this.#parts(entry.linkname).slice(this.#options.stripComponents);
    if (target.length === 0 || !this.#options.state.isInside(target)) {
      throw this.#refused(entry.name, `is a hard link to ${entry.linkname}, outside of the tree`);
    }
  }

  #exclude(name: string): void {
    if (name.includes('\n')) throw this.#refused(name, 'has a line break in its name');
    this.#excluded.push(name.replace(/\/+$/, ''));
  }

  #parts(name: string): string[] {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw this.#refused(name, 'leads out of the tree');
    return parts;
  }

  #refused(name: string, why: string): FailureError {
    return new FailureError({
      reason: 'source-failed',
      message: `${this.#options.name}: the entry ${JSON.stringify(name)} ${why}`,
      hint: 'The file was not unpacked. Do not trust where it came from.',
    });
  }
}
