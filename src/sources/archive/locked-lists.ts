import type { LockedRelease } from '../../model/archive.ts';
import { KEEP_APT_LISTS } from '../apt-cache.ts';
import { indexPattern, RELEASE_CONTENT } from './release-file.ts';
import { releaseFolder } from './release-folder.ts';

/** Exit code of `refresh_lists` when an archive is not in its locked state any more. */
const MOVED_EXIT_CODE = 79;

/** What a line of output begins with that names an archive which moved; the rest is the folder of its Release file. */
const MOVED_LINE = 'imgpipe-moved\t';

/**
 * The locked state for `REFRESH_LISTS`: one line for every suite with the folder of its Release file, the digest of its
 * content and the expression of its indices, separated by tabs.
 */
export function lockedLists(releases: readonly LockedRelease[], architecture: string): string {
  return releases
    .map(({ uri, suite, components, content }) =>
      [
        releaseFolder(uri, suite),
        content.replace(/^sha256:/, ''),
        indexPattern(suite, components, architecture),
      ].join('\t'),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Folders of the Release files that a script's output says have moved. */
export function movedFolders(lines: readonly string[]): string[] {
  return lines.flatMap((line) => (line.startsWith(MOVED_LINE) ? [line.slice(MOVED_LINE.length)] : []));
}

/**
 * Shell functions; `refresh_lists COMMAND…` gives the running apt its indices, in the state that the lock names.
 * COMMAND is `apt-get … update`. Variables: `$cache` and `$run` of `OPEN_APT_CACHE`, `$locks` a file of `lockedLists`.
 *
 * Indices of every locked state that was ever seen here are kept in `$cache/states/<content>/`, named as in apt's
 * folder of lists without the address before them; `.names` lists them, as a trimmed cache may lack some: then there is no
 * state. When all that apt is configured for is among them, nothing is
 * downloaded. Else apt refreshes its index, and what it got must be the locked state: ends with `MOVED_EXIT_CODE` when
 * an archive is in another one. Archives that the lock does not know are taken as they are.
 */
export const REFRESH_LISTS = `tab=$(printf '\\t')
lock_field() { [ ! -s "$locks" ] || awk -F '\\t' -v folder="$1" -v field="$2" '$1 == folder { print $field; exit }' "$locks"; }
content_of() { awk -v indices="$2" '${RELEASE_CONTENT}' "$1" | sha256sum | cut -d ' ' -f 1; }
has_state() {
  [ -n "$1" ] && [ -s "$cache/states/$1/.names" ] || return 1
  while read -r kept; do [ -e "$cache/states/$1/$kept" ] || return 1; done < "$cache/states/$1/.names"
}
use_state() {
  touch "$cache/states/$2"
  for kept in "$cache/states/$2"/*; do cp -lf "$kept" "$run/lists/$1\${kept##*/}"; done
}
keep_state() {
  if has_state "$2"; then return 0; fi
  new="$cache/states/new-\${run##*/}"
  mkdir -p "$new"
  for list in "$run/lists/$1"*; do
    cp -l "$list" "$new/\${list#"$run/lists/$1"}"
    echo "\${list#"$run/lists/$1"}" >> "$new/.names"
  done
  rm -rf "$cache/states/$2"
  mv -T "$new" "$cache/states/$2" 2>/dev/null || rm -rf "$new"
}
refresh_lists() {
  "$@" --print-uris | sed -n "s|^'\\([^']*\\)InRelease' \\([^ ]*\\)InRelease .*|\\1$tab\\2|p" | sed 's|://[^/@]*@|://|' > "$run/targets"
  all=no
  [ ! -s "$run/targets" ] || all=yes
  while IFS="$tab" read -r folder prefix; do
    if ! has_state "$(lock_field "$folder" 2)"; then all=no; fi
  done < "$run/targets"
  if [ "$all" = yes ]; then
    echo 'the package index of the locked state is in the cache'
    while IFS="$tab" read -r folder prefix; do use_state "$prefix" "$(lock_field "$folder" 2)"; done < "$run/targets"
    return 0
  fi
  "$@"
  ${KEEP_APT_LISTS}
  moved=
  while IFS="$tab" read -r folder prefix; do
    content=$(lock_field "$folder" 2)
    if [ -z "$content" ]; then
      [ ! -s "$locks" ] || echo "$folder is not in imgpipe.lock: its packages are taken as they are now"
      continue
    fi
    file="$run/lists/\${prefix}InRelease"
    [ -e "$file" ] || file="$run/lists/\${prefix}Release"
    if [ "$(content_of "$file" "$(lock_field "$folder" 3)")" = "$content" ]; then
      keep_state "$prefix" "$content"
    elif has_state "$content"; then
      rm -f "$run/lists/$prefix"*
      use_state "$prefix" "$content"
    else
      printf '${MOVED_LINE.replace('\t', '\\t')}%s\\n' "$folder"
      moved=yes
    fi
  done < "$run/targets"
  find "$cache/states" -mindepth 1 -maxdepth 1 -mtime +60 -exec rm -rf {} + || true
  [ -z "$moved" ] || return ${MOVED_EXIT_CODE}
}`;
