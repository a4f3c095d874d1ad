import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  apkPackages,
  debPackages,
  type InstalledPackage,
  PACKAGE_DATABASES,
  parseRelease,
} from '../../../layers/sbom/inventory.ts';
import { globToRegExp } from '../../../util/glob.ts';
import type { CommandWork, PackerCommand } from '../command.ts';
import { type FlagTable, parseFlags } from '../flags.ts';

const FLAGS: FlagTable = { o: 'text', output: 'text', exclude: 'each', scope: 'text' };

const SCOPES = ['squashed', 'all-layers', 'all', 'alllayers'];

/** A word that holds the name of a format names it, as with Packer. */
const formatOf = (word: string): 'cyclonedx-json' | 'spdx-json' | undefined =>
  word.includes('cyclonedx') ? 'cyclonedx-json' : word.includes('spdx') ? 'spdx-json' : undefined;

export const sbomGenerateCommand: PackerCommand = {
  help: `Usage: packer sbom-generate [options] [PATH]

  Writes a bill of materials of a folder that holds a system to standard
  output; PATH is / when left out. It is made of the system's own lists of
  packages (dpkg, apk).

Options:

  -o, -output=FORMAT            cyclonedx-json (default) or spdx-json.
  -exclude=GLOB                 Leave a list out whose path below PATH matches,
                                such as './lib/**'; may be repeated.
  -scope=squashed|all-layers    Taken for the sake of scripts; a folder has no
                                layers.`,
  examples: [
    ['packer sbom-generate > host.json', 'of this system'],
    ['packer sbom-generate -o spdx-json /mnt/image', 'of another one'],
  ],
  flags: FLAGS,
  run: async (work) => {
    const [folder = '/', ...rest] = work.flags.args;
    // As with Packer, options may also come behind the path.
    const more = parseFlags(rest, FLAGS);
    if (!more.ok || more.value.args.length > 0) return 'usage';
    const lists = [more.value.lists, work.flags.lists];
    const last = (name: string): string | undefined =>
      lists.map((list) => list.get(name)?.[0]).find((value) => value !== undefined);
    const word = (last('o') ?? last('output') ?? 'cyclonedx-json').toLowerCase();
    const format = formatOf(word);
    const scope = (last('scope') ?? 'squashed').trim().toLowerCase();
    if (format === undefined) work.ui.error(`unsupported format: ${word}`);
    else if (!SCOPES.includes(scope))
      work.ui.error(`unsupported scope: ${scope} (supported: squashed, all-layers)`);
    if (format === undefined || !SCOPES.includes(scope)) return 1;
    const excluded = lists.flatMap((list) => list.get('exclude') ?? []);
    return await generate(work, { folder, format, excluded });
  },
};

interface Wanted {
  readonly folder: string;
  readonly format: 'cyclonedx-json' | 'spdx-json';
  /** Globs on paths below the folder, which begin with `./`. */
  readonly excluded: readonly string[];
}

async function generate({ context, ui }: CommandWork, { folder, format, excluded }: Wanted): Promise<number> {
  context.stderr.write(`Generating ${format} SBOM for ${folder}...\n`);
  const root = path.resolve(context.cwd, folder);
  const patterns = excluded.map((glob) => globToRegExp(glob));
  const read = async (file: string): Promise<string> =>
    patterns.some((pattern) => pattern.test(`.${file}`)) ? '' : await readIfThere(path.join(root, file));
  const packages: InstalledPackage[] = [
    ...debPackages(await read(PACKAGE_DATABASES.deb)),
    ...apkPackages(await read(PACKAGE_DATABASES.apk)),
  ];
  if (packages.length === 0) {
    const places = Object.values(PACKAGE_DATABASES).map((file) => path.join(folder, file));
    ui.error(`SBOM generation failed: no package is installed according to ${places.join(' and ')}`);
    return 1;
  }
  const release =
    (await readIfThere(path.join(root, '/etc/os-release'))) ||
    (await readIfThere(path.join(root, '/usr/lib/os-release')));
  const facts = {
    name: path.basename(root) || 'root',
    sourceDateEpoch: Math.floor(Date.now() / 1000),
    images: [],
    inventory: { system: parseRelease(release), packages, files: new Map() },
  };
  const document =
    format === 'spdx-json'
      ? (await import('../../../layers/sbom/spdx.ts')).spdxDocument(facts)
      : (await import('../../../layers/sbom/cyclonedx.ts')).cyclonedxDocument(facts);
  context.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
  context.stderr.write('SBOM generation completed\n');
  return 0;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}
