const LENGTHS: Readonly<Record<string, number>> = {
  md5: 32,
  sha1: 40,
  sha224: 56,
  sha256: 64,
  sha384: 96,
  sha512: 128,
};

export interface FileDigest {
  /** Name of the algorithm, as node:crypto knows it. */
  readonly algorithm: string;
  /** Lower-case hex. */
  readonly hex: string;
}

export type Checksum =
  | { readonly type: 'none' }
  | { readonly type: 'digest'; readonly digest: FileDigest }
  /** A list of digests, as sha256sum(1) writes it, at a path or URL. */
  | { readonly type: 'list'; readonly address: string };

/** Reads a checksum as Packer writes it: `none`, `[TYPE:]HEX`, `file:ADDRESS`; undefined when it is none of these. */
export function parseChecksum(text: string): Checksum | undefined {
  const trimmed = text.trim();
  if (trimmed === 'none') return { type: 'none' };
  if (trimmed.startsWith('file:') && trimmed.length > 5) return { type: 'list', address: trimmed.slice(5) };
  const digest = parseDigest(trimmed);
  return digest === undefined ? undefined : { type: 'digest', digest };
}

function parseDigest(text: string): FileDigest | undefined {
  const match = /^(?:([a-z0-9]+):)?([0-9a-f]+)$/i.exec(text);
  const hex = match?.[2]?.toLowerCase();
  if (hex === undefined) return undefined;
  const algorithm =
    match?.[1]?.toLowerCase() ?? Object.keys(LENGTHS).find((name) => LENGTHS[name] === hex.length);
  return algorithm !== undefined && LENGTHS[algorithm] === hex.length ? { algorithm, hex } : undefined;
}

/**
 * Finds a file's digest in a list: lines of sha256sum(1) (`HEX  NAME`, `HEX *NAME`), BSD's `SHA256 (NAME) = HEX`, or a
 * digest alone. @param name the file's base name
 */
export function digestFromList(list: string, name: string): FileDigest | undefined {
  const base = (path: string | undefined): string | undefined => path?.split('/').at(-1);
  const lines = list.split(/\r?\n/).map((line) => line.trim());
  for (const line of lines) {
    const gnu = /^([0-9a-f]{32,128})\s+\*?(.+)$/i.exec(line);
    if (gnu !== null && base(gnu[2]) === name) return parseDigest(gnu[1] ?? '');
    const bsd = /^([A-Z0-9]+) ?\((.+)\) ?= ?([0-9a-f]+)$/i.exec(line);
    if (bsd !== null && base(bsd[2]) === name) return parseDigest(`${bsd[1]}:${bsd[3]}`);
  }
  const alone = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return alone.length === 1 ? parseDigest(alone[0] ?? '') : undefined;
}
