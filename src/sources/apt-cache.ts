/**
 * The folder of apt's downloads that is kept between runs, one for each distribution: `bootstrap` and `package` share it.
 *
 *     archives/*.deb   packages, verified by apt whenever they are used
 *     lists/           the newest index of each archive that was ever asked
 *     run-XXXX/        one running apt's own view: hard links of the above, and what it downloads
 *
 * Two runs at once need no lock: each works in a folder of its own; only whole, renamed files are shared. A file that
 * is replaced while another run links it is simply not linked, and apt fetches it.
 */
export const aptCacheId = (distribution: string): string => `apt-${distribution}`;

/** Shell lines that make `$run`, a folder in `$cache`, and remove it in the end with what dead runs left. */
export const OPEN_APT_CACHE = `find "$cache" -maxdepth 1 -name 'run-*' -mmin +1440 -exec rm -rf {} + || true
mkdir -p "$cache/archives" "$cache/lists" "$run/archives/partial" "$run/lists/partial"
find "$cache/archives" -maxdepth 1 -type f -name '*.deb' -exec cp -l -t "$run/archives" {} + || true
find "$cache/lists" -maxdepth 1 -type f -exec cp -l -t "$run/lists" {} + || true`;

/** Shell lines that keep a refreshed index; files with one link are new. */
export const KEEP_APT_LISTS = `find "$run/lists" -maxdepth 1 -type f -links 1 ! -name lock -exec cp -lf -t "$cache/lists" {} + || true`;

/** Shell lines that keep downloaded packages. */
export const KEEP_APT_ARCHIVES = `find "$run/archives" -maxdepth 1 -type f -name '*.deb' -links 1 -exec mv -f -t "$cache/archives" {} + || true`;
