import type { ExportContext } from '../exporter.ts';
import { runTool } from '../run-tool.ts';
import type { IsoLoaders } from './loaders.ts';

export interface IsoRequest {
  /** Folder with the medium's files. */
  readonly root: string;
  readonly label: string;
  readonly loaders: IsoLoaders;
}

/**
 * Writes an ISO 9660 image that is a partitioned disk as well: GRUB in the boot catalog (El Torito) and in the first
 * sector, and an EFI system partition behind the files that the boot catalog points at too.
 */
export async function makeIso(context: ExportContext, { root, label, loaders }: IsoRequest): Promise<void> {
  const { bios, efi } = loaders;
  const epoch = String(context.pipeline.sourceDateEpoch);
  await runTool(context, {
    argv: ['find', root, '-exec', 'touch', '-h', '-d', `@${epoch}`, '{}', '+'],
    reason: 'export-failed',
  });
  const biosEntry =
    bios === undefined
      ? []
      : [
          ...['-b', 'boot/eltorito.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'],
          ...['--grub2-boot-info', '--grub2-mbr', bios.firstSector],
        ];
  const efiEntry =
    efi === undefined
      ? []
      : [
          ...['-append_partition', '2', '0xef', efi],
          ...(bios === undefined ? [] : ['-eltorito-alt-boot']),
          ...['-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
        ];
  // Files have owner root and plain modes; the image's own are those in the squashfs.
  const form = ['-quiet', '-r', '-J', '-iso-level', '3', '-V', label, '-c', 'boot/boot.cat'];
  await runTool(context, {
    argv: ['xorriso', '-as', 'mkisofs', ...form, ...biosEntry, ...efiEntry, '-o', context.outputPath, root],
    // From this xorriso takes the volume's times, and the identifiers that it derives from them.
    env: { SOURCE_DATE_EPOCH: epoch },
    reason: 'export-failed',
  });
}
