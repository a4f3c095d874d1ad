/**
 * The canonical text form of a layer's tree; the SHA-256 of its bytes is the layer's digest.
 *
 *     #imgpipe-layer 1
 *     PATH TYPE MODE UID GID MTIME SIZE VALUE [XATTR=HEX ...]
 *
 * One line per entry, sorted by the bytes of the path, fields separated by one blank, `-` where a type has no such
 * field. Every folder above an entry is itself an entry.
 * - PATH absolute in the image, `/` for the root. Bytes outside `!`..`~` and `\` are written `\ooo` (octal), as in
 *   mtree(5), so that names of any bytes fit in ASCII.
 * - TYPE `f` file, `d` directory, `l` symbolic link, `h` further name of a file (hard link), `c` character device,
 *   `b` block device, `p` pipe, `w` whiteout: hides what lies below.
 * - MODE four octal digits; MTIME whole seconds since 1970; SIZE bytes.
 * - VALUE of `f`: SHA-256 of the content; of `l`: target; of `h`: path of the file entry; of `c` and `b`:
 *   MAJOR:MINOR; of `d`: `opaque` when what lies below it is hidden.
 * - XATTR sorted by name; names escaped like paths, and `=` as `\075`.
 */
export const MANIFEST_HEADER = '#imgpipe-layer 1';

/**
 * A path or name as bytes: one character per byte ('latin1'), because names on disk need not be UTF-8. Sorting such
 * strings sorts by bytes. `bytesOf` gives the form for file system calls, `textOf` the one to show.
 */
export type ByteString = string;

export const bytesOf = (path: ByteString): Buffer => Buffer.from(path, 'latin1');
export const textOf = (path: ByteString): string => Buffer.from(path, 'latin1').toString('utf8');
export const byteString = (text: string): ByteString => Buffer.from(text, 'utf8').toString('latin1');

interface Attributes {
  readonly path: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Extended attributes (`security.capability`, ACLs, `user.*`) as hex, sorted by name. */
  readonly xattrs: readonly (readonly [name: ByteString, hex: string])[];
}

export type ManifestEntry =
  | (Attributes & { readonly type: 'file'; readonly size: number; readonly sha256: string })
  | (Attributes & { readonly type: 'directory'; readonly opaque: boolean })
  | (Attributes & { readonly type: 'symlink'; readonly target: ByteString })
  | (Attributes & {
      readonly type: 'character-device' | 'block-device';
      readonly major: number;
      readonly minor: number;
    })
  | (Attributes & { readonly type: 'pipe' })
  | { readonly type: 'hard-link'; readonly path: ByteString; readonly target: ByteString }
  | { readonly type: 'whiteout'; readonly path: ByteString };

const LETTERS = {
  file: 'f',
  directory: 'd',
  symlink: 'l',
  'hard-link': 'h',
  'character-device': 'c',
  'block-device': 'b',
  pipe: 'p',
  whiteout: 'w',
} as const satisfies Record<ManifestEntry['type'], string>;

/** Manifest text of entries that are sorted by path. */
export function formatManifest(entries: readonly ManifestEntry[]): string {
  return `${[MANIFEST_HEADER, ...entries.map(formatEntry)].join('\n')}\n`;
}

/** One line, without line end. Equal lines mean equal entries. */
export function formatEntry(entry: ManifestEntry): string {
  const head = `${escape(entry.path)} ${LETTERS[entry.type]}`;
  if (entry.type === 'whiteout') return `${head} - - - - - -`;
  if (entry.type === 'hard-link') return `${head} - - - - - ${escape(entry.target)}`;
  const mode = entry.type === 'symlink' ? '-' : entry.mode.toString(8).padStart(4, '0');
  const size = entry.type === 'file' ? entry.size : '-';
  const xattrs = entry.xattrs
    .map(([name, hex]) => ` ${escape(name).replaceAll('=', '\\075')}=${hex}`)
    .join('');
  return `${head} ${mode} ${entry.uid} ${entry.gid} ${entry.mtime} ${size} ${value(entry)}${xattrs}`;
}

function value(entry: Exclude<ManifestEntry, { type: 'whiteout' | 'hard-link' }>): string {
  switch (entry.type) {
    case 'file':
      return entry.sha256;
    case 'directory':
      return entry.opaque ? 'opaque' : '-';
    case 'symlink':
      return escape(entry.target);
    case 'character-device':
    case 'block-device':
      return `${entry.major}:${entry.minor}`;
    case 'pipe':
      return '-';
  }
}

/** @throws Error when the line is not one that `formatEntry` wrote: the store is damaged */
export function parseEntry(line: string): ManifestEntry {
  const [path = '', letter = '', mode = '', uid = '', gid = '', mtime = '', size = '', last = '', ...rest] =
    line.split(' ');
  const base = { path: unescape(path) };
  if (letter === 'w') return { type: 'whiteout', ...base };
  if (letter === 'h') return { type: 'hard-link', ...base, target: unescape(last) };
  const attributes = {
    ...base,
    mode: mode === '-' ? 0o777 : Number.parseInt(mode, 8),
    uid: Number(uid),
    gid: Number(gid),
    mtime: Number(mtime),
    xattrs: rest.map(parseXattr),
  };
  switch (letter) {
    case 'f':
      return { type: 'file', ...attributes, size: Number(size), sha256: last };
    case 'd':
      return { type: 'directory', ...attributes, opaque: last === 'opaque' };
    case 'l':
      return { type: 'symlink', ...attributes, target: unescape(last) };
    case 'p':
      return { type: 'pipe', ...attributes };
    case 'c':
    case 'b': {
      const [major, minor] = last.split(':').map(Number);
      const type = letter === 'c' ? 'character-device' : 'block-device';
      return { type, ...attributes, major: major ?? 0, minor: minor ?? 0 };
    }
    default:
      throw new Error(`damaged manifest line: ${line}`);
  }
}

function parseXattr(field: string): readonly [string, string] {
  const equals = field.indexOf('=');
  return [unescape(field.slice(0, equals)), field.slice(equals + 1)];
}

const UNSAFE = /[^!-[\]-~]/g;

/** With `\ooo` for every byte that is no plain sign, as setfattr(1) takes it too. */
export function escape(text: ByteString): string {
  return text.replace(UNSAFE, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Undoes `\ooo` escapes; also those of getfattr(1). */
export function unescape(text: string): ByteString {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
