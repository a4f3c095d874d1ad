import { readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool, type ToolContext } from '../run-tool.ts';
import { SECTOR } from './gpt.ts';
import { grubQuoted } from './grub-quoted.ts';
import { kernelCommandLine } from './kernel.ts';
import { sourceOf, volumeOf } from './layout.ts';
import type { DiskPlan } from './plan-disk.ts';
import type { GrubPlatform } from './tools.ts';

/** Modules that are in every image: enough to find the root file system and start a kernel from it. */
const MODULES = ['search_fs_uuid', 'linux', 'echo', 'boot'];
const FILE_SYSTEM_MODULES = { ext4: 'ext2', xfs: 'xfs', btrfs: 'btrfs' } as const;
const BIOS_MODULES = ['biosdisk', 'serial', 'terminal'];

/** File names by which UEFI firmware finds a loader on removable disks (UEFI spec, 3.5.1.1). */
export const EFI_NAMES: Partial<Record<GrubPlatform, string>> = {
  'x86_64-efi': 'BOOTX64.EFI',
  'i386-efi': 'BOOTIA32.EFI',
  'arm64-efi': 'BOOTAA64.EFI',
  'arm-efi': 'BOOTARM.EFI',
  'riscv64-efi': 'BOOTRISCV64.EFI',
};

export interface BootLoaderContext extends ToolContext {
  readonly scratch: string;
}

/**
 * Puts GRUB on the disk, all of it in the boot partitions: the image needs no boot loader package, and no program
 * runs in it. Writes into the BIOS boot partition, the boot sector's code and the ESP.
 * @param imageArguments what `readKernelArguments` gives
 */
export async function installBootLoader(
  plan: DiskPlan,
  diskPath: string,
  disk: FileHandle,
  imageArguments: string,
  context: BootLoaderContext,
): Promise<void> {
  for (const [platform, modules] of Object.entries(plan.tools.grub) as [GrubPlatform, string][]) {
    const image = await makeGrubImage(plan, platform, modules, imageArguments, context);
    if (platform === 'i386-pc') await installBiosLoader(plan, disk, image, modules);
    else await installEfiLoader(plan, diskPath, image, EFI_NAMES[platform] ?? 'BOOT.EFI', context);
  }
}

async function makeGrubImage(
  plan: DiskPlan,
  platform: GrubPlatform,
  moduleFolder: string,
  imageArguments: string,
  context: BootLoaderContext,
): Promise<string> {
  const isBios = platform === 'i386-pc';
  const config = join(context.scratch, `grub-${platform}.cfg`);
  const image = join(context.scratch, `grub-${platform}.img`);
  await writeFile(config, grubConfig(plan, imageArguments, isBios));
  const output = ['-O', platform, '-d', moduleFolder, '-p', '/boot/grub', '-c', config, '-o', image];
  const { table } = plan.layout;
  const volume = volumeOf(plan.layout, plan.kernel.image);
  const names = [
    table.scheme === 'mbr' ? 'part_msdos' : 'part_gpt',
    ...(volume.partition.device === undefined ? [] : ['lvm']),
    FILE_SYSTEM_MODULES[volume.fileSystem],
    ...MODULES,
    ...(isBios ? BIOS_MODULES : ['fat']),
  ];
  await runTool(context, { argv: ['grub-mkimage', ...output, ...names], reason: 'disk-failed' });
  return image;
}

/** The configuration embedded in GRUB: no menu, one kernel; what GRUB says is also on the serial port, if there is one. */
function grubConfig(plan: DiskPlan, imageArguments: string, isBios: boolean): string {
  const { kernel, layout, request } = plan;
  const { kernelArgs, serialConsole = true } = request.spec;
  const volume = volumeOf(layout, kernel.image);
  const inVolume = (path: string): string => (volume.mount === '/' ? path : path.slice(volume.mount.length));
  const commandLine = kernelCommandLine(
    { root: sourceOf(layout.root), architecture: request.architecture, serialConsole },
    kernelArgs,
    imageArguments,
  );
  return [
    ...(isBios && serialConsole ? ['serial --unit=0 --speed=115200', 'terminal_output --append serial'] : []),
    `search.fs_uuid ${volume.uuid} root $root`,
    `echo 'Booting Linux ${kernel.version}'`,
    `linux ($root)${inVolume(kernel.image)} ${commandLine.split(' ').map(grubQuoted).join(' ')}`,
    ...(kernel.initrd === undefined ? [] : [`initrd ($root)${inVolume(kernel.initrd)}`]),
    'boot',
    '',
  ].join('\n');
}

/**
 * Boot code as grub-bios-setup writes it: boot.img in the first 440 bytes of the disk, pointing at the first sector
 * of core.img; core.img's own first sector points at the rest (GRUB's boot.S and diskboot.S name the offsets).
 */
async function installBiosLoader(
  plan: DiskPlan,
  disk: FileHandle,
  image: string,
  modules: string,
): Promise<void> {
  const place = biosLoaderPlace(plan);
  const boot = Buffer.from((await readFile(join(modules, 'boot.img'))).subarray(0, 440));
  boot.writeBigUInt64LE(BigInt(place.start), 0x5c);
  // Two NOPs over a jump: do not trust the drive number of broken BIOSes for other than hard disks.
  boot.writeUInt16LE(0x9090, 0x66);
  const core = await readFile(image);
  core.writeBigUInt64LE(BigInt(place.start + 1), 0x1f4);
  if (core.length > place.sectors * SECTOR) throw new Error('GRUB does not fit its place on the disk');
  await disk.write(boot, 0, boot.length, 0);
  await disk.write(core, 0, core.length, place.start * SECTOR);
}

/** Where GRUB's core lies: in the BIOS boot partition, or with an MBR in the gap between it and the first partition. */
function biosLoaderPlace({ layout }: DiskPlan): { readonly start: number; readonly sectors: number } {
  if (layout.biosBoot !== undefined) return layout.biosBoot;
  const [first] = layout.table.partitions;
  if (layout.table.scheme !== 'mbr' || first === undefined)
    throw new Error('no place for a BIOS boot loader');
  return { start: 1, sectors: first.start - 1 };
}

/** Makes the ESP's FAT file system inside the disk image and copies the loader into it. */
async function installEfiLoader(
  plan: DiskPlan,
  diskPath: string,
  image: string,
  name: string,
  context: BootLoaderContext,
): Promise<void> {
  const { esp, espVolumeId } = plan.layout;
  if (esp === undefined) throw new Error('no ESP for a UEFI disk');
  const mebibytes = (esp.sectors * SECTOR) / 2 ** 20;
  // FAT32 needs 65,525 clusters; below 260 MiB it only fits with clusters of one sector, below 33 MiB not at all.
  const type = mebibytes < 34 ? [] : ['-F', '32', '-s', mebibytes < 260 ? '1' : '8'];
  const place = [
    `--offset=${esp.start}`,
    '-h',
    String(esp.start),
    diskPath,
    String((esp.sectors * SECTOR) / 1024),
  ];
  const label = ['--invariant', '-i', espVolumeId, '-n', 'ESP', '-S', '512'];
  await runTool(context, { argv: ['mkfs.fat', ...type, ...label, ...place], reason: 'disk-failed' });
  const env = espEnvironment(plan);
  const target = espTarget(plan, diskPath);
  await runTool(context, {
    argv: ['mmd', '-i', target, '::/EFI', '::/EFI/BOOT'],
    env,
    reason: 'disk-failed',
  });
  await runTool(context, {
    argv: ['mcopy', '-i', target, image, `::/EFI/BOOT/${name}`],
    env,
    reason: 'disk-failed',
  });
}

/** How mtools are told of the ESP inside a disk file. */
export function espTarget({ layout }: DiskPlan, diskPath: string): string {
  if (layout.esp === undefined) throw new Error('no ESP for a UEFI disk');
  return `${diskPath}@@${layout.esp.start * SECTOR}`;
}

/** Surroundings in which mtools write the same bytes always. */
export function espEnvironment({ request }: DiskPlan): Record<string, string> {
  return {
    SOURCE_DATE_EPOCH: String(request.sourceDateEpoch),
    MTOOLSRC: '/dev/null',
    MTOOLS_SKIP_CHECK: '1',
  };
}
