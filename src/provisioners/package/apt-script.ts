import { KEEP_APT_ARCHIVES, OPEN_APT_CACHE } from '../../sources/apt-cache.ts';
import { REFRESH_LISTS } from '../../sources/archive/locked-lists.ts';
import type { AptSetting } from '../../util/host-apt.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { installsFromArchive } from './inputs.ts';
import type { PackageRequest, WantedPackage } from './package-manager.ts';

/** Where the cache mount of apt is seen while the step runs. */
export const APT_FOLDER = '/run/imgpipe/apt';
export const APT_CONFIG_FILE = '/run/imgpipe/apt.conf';
/** The locked state of the archives, see `lockedLists`. */
export const APT_LOCKS_FILE = '/run/imgpipe/archives';

/**
 * Settings of one run, in apt.conf(5) form. They are used by this run alone and are not left in the image.
 */
export function aptConfig(
  request: PackageRequest,
  runFolder: string,
  network: readonly AptSetting[],
): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Cache::archives': `${APT_FOLDER}/${runFolder}/archives/`,
    'Dir::State::lists': `${APT_FOLDER}/${runFolder}/lists/`,
    'APT::Get::Assume-Yes': 'true',
    'APT::Install-Recommends': String(request.recommends),
    'APT::Keep-Downloaded-Packages': 'true',
    // An index that cannot be refreshed is an error, not a warning.
    'APT::Update::Error-Mode': 'any',
    'APT::Color': 'false',
    'Acquire::Languages': 'none',
    'Acquire::PDiffs': 'false',
    'Acquire::GzipIndexes': 'false',
    'Acquire::IndexTargets::deb-src::Sources::DefaultEnabled': 'false',
    'Acquire::Retries': '3',
    'DPkg::Use-Pty': 'false',
    quiet: '1',
  };
  const lists: readonly (readonly [string, string])[] = [
    // A run that dies never commits, so nothing is gained by waiting for the disk after every file.
    ['DPkg::Options', '--force-unsafe-io'],
    ['DPkg::Options', '--force-confdef'],
    ['DPkg::Options', '--force-confold'],
  ];
  const line = (name: string, value: string): string => `${name} "${value.replaceAll('"', '')}";\n`;
  return [
    '#clear Acquire::Languages;\n',
    ...Object.entries(settings).map(([name, value]) => line(name, value)),
    ...lists.map(([name, value]) => line(`${name}::`, value)),
    ...network.map(({ name, value }) => line(name, value)),
  ].join('');
}

/**
 * The one program of a step: fill the run's folder, refresh the index, install, remove, hold, keep what was
 * downloaded. `$1` is the name of the run's folder.
 */
export function aptScript(request: PackageRequest): string {
  const apt = `apt-get -c ${APT_CONFIG_FILE}`;
  const release = request.targetRelease === undefined ? '' : ` -t ${shellQuote(request.targetRelease)}`;
  const downgrade = request.install.some((wanted) => wanted.version !== undefined)
    ? ' --allow-downgrades'
    : '';
  const names = (list: readonly string[]): string => list.map(shellQuote).join(' ');
  const actions = [
    ...(request.upgrade ? [`${apt} dist-upgrade${release}`] : []),
    ...(request.install.length > 0
      ? [`${apt} install${release}${downgrade} -- ${names(request.install.map(argumentOf))}`]
      : []),
    ...(request.remove.length > 0 ? [`${apt} remove -- ${names(request.remove)}`] : []),
    ...(request.purge.length > 0 ? [`${apt} purge -- ${names(request.purge)}`] : []),
    ...(request.autoremove ? [`${apt} autoremove`] : []),
    ...(request.hold.length > 0 ? [`apt-mark hold -- ${names(request.hold)}`] : []),
  ];
  const update = installsFromArchive(request) ? [REFRESH_LISTS, `refresh_lists ${apt} update`] : [];
  return [OPEN, OPEN_APT_CACHE, ...update, ...actions, KEEP_APT_ARCHIVES, ''].join('\n');
}

const argumentOf = ({ name, version }: WantedPackage): string =>
  version === undefined ? name : `${name}=${version}`;

const OPEN = `cache=${APT_FOLDER} run=${APT_FOLDER}/$1 locks=${APT_LOCKS_FILE}
trap 'rm -rf "$run"' EXIT`;
