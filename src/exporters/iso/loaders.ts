import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EFI_NAMES } from '../disk/boot-loader.ts';
import { grubQuoted } from '../disk/grub-quoted.ts';
import type { DiskTools, GrubPlatform } from '../disk/tools.ts';
import type { ExportContext } from '../exporter.ts';
import { runTool } from '../run-tool.ts';

const MODULES = ['iso9660', 'part_gpt', 'part_msdos', 'search_fs_file', 'linux', 'echo', 'boot'];
const BIOS_MODULES = ['biosdisk', 'serial', 'terminal'];
const MIB = 2 ** 20;

/** What the boot loader of a medium starts. */
export interface IsoBoot {
  /** Path of a file that this medium has and no other. */
  readonly mark: string;
  /** Version of the kernel, to be shown. */
  readonly version: string;
  readonly commandLine: string;
  readonly serialConsole: boolean;
}

/** The boot loaders of a medium, as files on the host. */
export interface IsoLoaders {
  /** GRUB for the El Torito entry, and its code for the first sector of a stick. */
  readonly bios?: { readonly image: string; readonly firstSector: string };
  /** FAT file system that is the EFI system partition. */
  readonly efi?: string;
}

/** Makes GRUB for each platform that the medium boots on; all of it lies in the loaders, so no module is read later. */
export async function makeIsoLoaders(
  context: ExportContext,
  grub: DiskTools['grub'],
  boot: IsoBoot,
): Promise<IsoLoaders> {
  let loaders: IsoLoaders = {};
  for (const [platform, folder] of Object.entries(grub) as [GrubPlatform, string][]) {
    const isBios = platform === 'i386-pc';
    const image = await makeGrub(context, isBios ? 'i386-pc-eltorito' : platform, folder, boot, isBios);
    loaders = isBios
      ? { ...loaders, bios: { image, firstSector: join(folder, 'boot_hybrid.img') } }
      : { ...loaders, efi: await makeEsp(context, image, EFI_NAMES[platform] ?? 'BOOT.EFI') };
  }
  return loaders;
}

async function makeGrub(
  context: ExportContext,
  format: string,
  folder: string,
  boot: IsoBoot,
  isBios: boolean,
): Promise<string> {
  const config = join(context.scratch, `${format}.cfg`);
  const image = join(context.scratch, `${format}.img`);
  await writeFile(config, isoGrubConfig(boot, isBios));
  const output = ['-O', format, '-d', folder, '-p', '/boot/grub', '-c', config, '-o', image];
  const modules = [...MODULES, ...(isBios ? BIOS_MODULES : ['fat'])];
  await runTool(context, { argv: ['grub-mkimage', ...output, ...modules], reason: 'export-failed' });
  return image;
}

/** The configuration embedded in GRUB: no menu, one kernel. */
function isoGrubConfig({ mark, version, commandLine, serialConsole }: IsoBoot, isBios: boolean): string {
  return [
    ...(isBios && serialConsole ? ['serial --unit=0 --speed=115200', 'terminal_output --append serial'] : []),
    `search.file ${mark} root`,
    `echo 'Booting Linux ${version}'`,
    `linux ($root)/live/vmlinuz ${commandLine.split(' ').map(grubQuoted).join(' ')}`,
    'initrd ($root)/live/initrd.img',
    'boot',
    '',
  ].join('\n');
}

async function makeEsp(context: ExportContext, image: string, name: string): Promise<string> {
  const esp = join(context.scratch, 'esp.img');
  const { size } = await stat(image);
  const kibibytes = Math.ceil(size / MIB) * 1024 + 1024;
  const env = {
    SOURCE_DATE_EPOCH: String(context.pipeline.sourceDateEpoch),
    MTOOLSRC: '/dev/null',
    MTOOLS_SKIP_CHECK: '1',
  };
  const run = async (argv: readonly [string, ...string[]]): Promise<void> => {
    await runTool(context, { argv, env, reason: 'export-failed' });
  };
  await run(['mkfs.fat', '--invariant', '-n', 'ESP', '-C', esp, String(kibibytes)]);
  await run(['mmd', '-i', esp, '::/EFI', '::/EFI/BOOT']);
  await run(['mcopy', '-i', esp, image, `::/EFI/BOOT/${name}`]);
  return esp;
}
