import { sha256Hex } from '../../util/hash.ts';

/** Fields that change when nothing else does, and lists of digests, of which only the wanted lines count. */
const LEFT_OUT = /^(?:Hash|Date|Valid-Until|MD5Sum|SHA1|SHA256|SHA512):/;

/**
 * The part of a Release or InRelease file (repository format of Debian) that has a say in what is installed: its fields
 * without dates, and the SHA-256 lines of the indices that are read. `RELEASE_CONTENT` is the same as an awk program.
 * @param indices extended regular expression of the indices' paths, see `indexPattern`
 */
export function releaseContent(text: string, indices: string): string {
  const pattern = new RegExp(indices);
  const kept: string[] = [];
  let field = '';
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('-----BEGIN PGP SIGNATURE')) break;
    if (line === '' || line.startsWith('-----')) continue;
    if (!line.startsWith(' ')) {
      field = line.split(' ', 1)[0] ?? '';
      if (!LEFT_OUT.test(line)) kept.push(line);
      continue;
    }
    const [digest = '', , path = ''] = line.trim().split(/\s+/);
    if (field === 'SHA256:' && pattern.test(path)) kept.push(`${digest} ${path}`);
  }
  return kept.map((line) => `${line}\n`).join('');
}

/** `releaseContent` in awk, for scripts: the variable `indices` is the pattern. */
export const RELEASE_CONTENT = `
  { sub(/\\r$/, "") }
  /^-----BEGIN PGP SIGNATURE/ { exit }
  /^-----/ || /^$/ { next }
  /^[^ ]/ {
    field = $1
    if ($0 !~ /^(Hash|Date|Valid-Until|MD5Sum|SHA1|SHA256|SHA512):/) print
    next
  }
  field == "SHA256:" && $3 ~ indices { print $1 " " $3 }`;

/** Digest of `releaseContent`, as it stands in `imgpipe.lock`. */
export function contentDigest(text: string, indices: string): string {
  return `sha256:${sha256Hex(releaseContent(text, indices))}`;
}

/**
 * The paths of package indices that apt reads of a suite, as an extended regular expression without backslashes.
 * @param suite one that ends in `/` is a flat folder, which has one index
 */
export function indexPattern(suite: string, components: readonly string[], architecture: string): string {
  const ending = 'Packages([.][a-z0-9]+)?$';
  if (suite.endsWith('/')) return `^([.]/)?${ending}`;
  return `^(${components.map(literal).join('|')})/binary-(${literal(architecture)}|all)/${ending}`;
}

/** `Date` of a Release file as ISO 8601; undefined when it has none that can be read. */
export function releaseDate(text: string): string | undefined {
  const date = /^Date: (.+?)\r?$/m.exec(text)?.[1];
  const time = date === undefined ? Number.NaN : Date.parse(date.replace(/ UTC$/, ' GMT'));
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace('.000Z', 'Z');
}

/** A text for itself in an expression: in brackets, as backslashes have a meaning of their own in awk's variables. */
const literal = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9/_-]/g, (letter) => ('^]\\'.includes(letter) ? '.' : `[${letter}]`));
