import { KEEP_APT_ARCHIVES, OPEN_APT_CACHE } from '../apt-cache.ts';
import { REFRESH_LISTS } from '../archive/locked-lists.ts';

/**
 * Runs mmdebstrap with the arguments given, its downloads in the cache, and takes out what it copied from the host.
 *
 * Environment: `IMGPIPE_TARGET` the empty tree, `IMGPIPE_CACHE` the cache, `IMGPIPE_RUN` this run's folder in it,
 * `IMGPIPE_FILES` the folder of input files (see `writeInputs`).
 */
export const BOOTSTRAP_SCRIPT = `
command -v mmdebstrap > /dev/null || { echo 'mmdebstrap: not found' >&2; exit 127; }
umask 022
target=$IMGPIPE_TARGET cache=$IMGPIPE_CACHE run=$IMGPIPE_RUN
finish() {
  umount "$target/var/cache/apt/archives" 2>/dev/null || true
  umount "$target/var/lib/apt/lists" 2>/dev/null || true
  rm -rf "$run"
}
trap finish EXIT
trap 'exit 143' TERM
${OPEN_APT_CACHE}
mkdir -p "$target/var/cache/apt/archives" "$target/var/lib/apt/lists"
mount --bind "$run/archives" "$target/var/cache/apt/archives"
mount --bind "$run/lists" "$target/var/lib/apt/lists"

# A tree whose /bin and /lib are links from the start needs no usrmerge, which would bring all of perl.
hooks=/usr/share/mmdebstrap/hooks/maybe-merged-usr
[ ! -d "$hooks" ] || set -- "--hook-dir=$hooks" "$@"
mmdebstrap '--setup-hook=sh -eu "$IMGPIPE_FILES/prepare.sh"' "$@" < /dev/null || exit "$(cat "$IMGPIPE_FILES/code" 2>/dev/null || echo 1)"

${KEEP_APT_ARCHIVES}
# Both are the host's, copied for the network's sake.
for name in resolv.conf hostname; do
  [ -L "$target/etc/$name" ] || rm -f "$target/etc/$name"
done
# mmdebstrap names the file after its argument, with a number before it, and leaves the host's paths in it.
if [ -e "$IMGPIPE_FILES/image.sources" ]; then
  rm -f "$target"/etc/apt/sources.list.d/*download.sources
  id=$(sed -n 's/^ID="*\\([a-z0-9._-]*\\)"*$/\\1/p' "$target/usr/lib/os-release" 2>/dev/null || true)
  mkdir -p "$target/etc/apt/sources.list.d"
  cp "$IMGPIPE_FILES/image.sources" "$target/etc/apt/sources.list.d/\${id:-base}.sources"
  for key in "$IMGPIPE_FILES"/base.asc "$IMGPIPE_FILES"/base.gpg; do
    [ ! -e "$key" ] || install -D -m 0644 "$key" "$target/etc/apt/keyrings/\${key##*/}"
  done
fi
`;

/**
 * Hook of mmdebstrap before it downloads anything: settings for apt, then the index, in the locked state. mmdebstrap
 * knows one exit code only, so that of the hook is left in a file.
 */
export const PREPARE_SCRIPT = `
cat "$IMGPIPE_FILES/apt.conf" >> "$MMDEBSTRAP_APT_CONFIG"
cache=$IMGPIPE_CACHE run=$IMGPIPE_RUN locks=$IMGPIPE_FILES/archives
trap 'code=$?; [ $code = 0 ] || echo $code > "$IMGPIPE_FILES/code"' EXIT
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
${REFRESH_LISTS}
echo 'I: running apt-get update...'
refresh_lists apt-get update --error-on=any
`;
