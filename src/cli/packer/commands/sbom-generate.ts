import path from 'node:path';
import { folderSbom, type SbomFormat } from '../../../layers/sbom/folder.ts';
import { inventoryOfFolder } from '../../../layers/sbom/inventory-of-folder.ts';
import { PACKAGE_DATABASES } from '../../../layers/sbom/inventory.ts';
import type { CommandWork, PackerCommand } from '../command.ts';
import { type FlagTable, parseFlags } from '../flags.ts';

const FLAGS: FlagTable = { o: 'text', output: 'text', exclude: 'each', scope: 'text' };

const SCOPES = ['squashed', 'all-layers', 'all', 'alllayers'];

/** A word that holds the name of a format names it, as with Packer. */
const formatOf = (word: string): SbomFormat | undefined =>
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

async function generate({ context, ui }: CommandWork, { folder, format, excluded }: Wanted): Promise<number> {
  context.stderr.write(`Generating ${format} SBOM for ${folder}...\n`);
  const root = path.resolve(context.cwd, folder);
  const inventory = inventoryOfFolder(root, { withFiles: false, excluded });
  if (inventory.packages.length === 0) {
    const places = Object.values(PACKAGE_DATABASES).map((file) => path.join(folder, file));
    ui.error(`SBOM generation failed: no package is installed according to ${places.join(' and ')}`);
    return 1;
  }
  context.stdout.write(`${JSON.stringify(await folderSbom(root, format, inventory), undefined, 2)}\n`);
  context.stderr.write('SBOM generation completed\n');
  return 0;
}

interface Wanted {
  readonly folder: string;
  readonly format: SbomFormat;
  readonly excluded: readonly string[];
}
