import { copyFile, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError, unwrap } from '../diagnostics/failure.ts';
import { firmwareMistake } from '../model/platform.ts';
import { takeBootFiles } from './boot-files.ts';
import { defaultConsoles } from './disk/kernel.ts';
import { derivedUuid } from './disk/guid.ts';
import { findGrub } from './disk/tools.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { makeIsoLoaders } from './iso/loaders.ts';
import { makeIso } from './iso/make-iso.ts';
import { packTree } from './packed-tree.ts';
import { squashfsPacking } from './squashfs/packing.ts';

/** Where live-boot's package puts the script that mounts the medium; without it the RAM disk cannot find its root. */
const LIVE_BOOT = '/usr/share/initramfs-tools/scripts/live';

const schema = z.strictObject({
  firmware: z.enum(['bios', 'uefi', 'both']).default('both').describe('What can boot the medium.'),
  label: z
    .string()
    .regex(/^[A-Z0-9_]{1,32}$/, 'must be up to 32 capital letters, digits and underscores')
    .optional()
    .describe('Name of the volume. Default: the name of the pipeline in capitals.'),
  compression: z
    .enum(['zstd', 'xz', 'gzip'])
    .default('zstd')
    .describe('How the file system on the medium is compressed; `xz` is smallest and slowest.'),
  args: z
    .array(z.string().regex(/^[^\s"]+("[^"\n]*")?$/, 'must be one argument without spaces, e.g. toram'))
    .default([])
    .describe(
      "Arguments for the kernel's command line after `boot=live`; those of `disk.kernelArgs` and of the image follow.",
    ),
});

export const isoExporter = defineExporter({
  type: 'iso',
  summary: 'A live system on an ISO image, for CDs and USB sticks.',
  description: `The image's files are in a compressed file system that is only read; what is written goes to memory and is gone after
the next start. Boots from a CD and, copied byte by byte, from a USB stick, by BIOS and by UEFI (arm64: UEFI).

The image must have a kernel whose RAM disk holds live-boot: install the packages \`live-boot\` and
\`live-boot-initramfs-tools\` in a step. A CD drive needs the drivers of \`linux-image-amd64\`; the cloud kernel starts
from disks and sticks only. \`disk.growRoot: false\` leaves out the unit that grows a root file system, of which a live
system has none.`,
  schema,
  keyVersion: 1,
  tools: ['xorriso', 'mksquashfs', 'grub-mkimage', 'mkfs.fat', 'mcopy'],
  examples: {
    good: [
      { title: 'For sticks and drives', options: {} },
      { title: 'Runs from memory alone', options: { args: ['toram'], compression: 'xz' } },
    ],
    bad: [{ title: 'Small letters in the label', options: { label: 'live' }, error: 'capital letters' }],
  },
  input: 'layers',
  extension: () => 'iso',
  refuses({ firmware }, { architecture }) {
    const mistake = firmwareMistake(architecture, firmware);
    return mistake && { ...mistake, option: 'firmware' };
  },
  reads: ({ name, disk }) => ({
    'name of the pipeline': name,
    '`disk.kernelArgs`': disk.kernelArgs,
    ...(disk.serialConsole === undefined ? {} : { '`disk.serialConsole`': disk.serialConsole }),
  }),
  readBackBy: ['xorriso', 'unsquashfs'],
  bootedBy: 'QEMU, BIOS and UEFI',
  reproducible: true,
  run: (options, context) =>
    capture(async () => {
      const { architecture, disk, name } = context.pipeline;
      const grub = unwrap(findGrub(architecture, options.firmware));
      const boot = await takeBootFiles(context, ['boot=live', ...options.args, ...disk.kernelArgs], {
        'live-boot': LIVE_BOOT,
      });
      await checkLive(context, boot.initrd);
      const words = boot.commandLine.split(' ');
      const consoles = words.some((word) => word.startsWith('console='))
        ? []
        : defaultConsoles(architecture, disk.serialConsole ?? true);
      const root = join(context.scratch, 'medium');
      await mkdir(join(root, 'live'), { recursive: true });
      await mkdir(join(root, '.disk'));
      await rename(boot.kernel, join(root, 'live', 'vmlinuz'));
      await rename(boot.initrd ?? '', join(root, 'live', 'initrd.img'));
      const form = { compression: options.compression, blockSize: 131072 };
      const packed = join(root, 'live', 'filesystem.squashfs');
      await packTree(context, squashfsPacking(context.pipeline, form), packed);
      // By this file the boot loader knows its medium among all disks of a machine.
      const seed = context.layers.map((layer) => layer.digest).join(' ');
      const mark = `/.disk/${derivedUuid(seed, 'iso')}`;
      await writeFile(join(root, mark), '');
      const loaders = await makeIsoLoaders(context, grub, {
        mark,
        version: boot.version,
        commandLine: [...consoles, ...words].join(' '),
        serialConsole: disk.serialConsole ?? true,
      });
      await mkdir(join(root, 'boot'));
      if (loaders.bios !== undefined) {
        await copyFile(loaders.bios.image, join(root, 'boot', 'eltorito.img'));
      }
      const label =
        options.label ??
        name
          .toUpperCase()
          .replaceAll(/[^A-Z0-9_]/g, '_')
          .slice(0, 32);
      await makeIso(context, { root, label, loaders });
    }),
});

/** @throws FailureError `export-failed` when the image could not start from the medium */
async function checkLive(context: ExportContext, initrd: string | undefined): Promise<void> {
  const hasLiveBoot = await stat(join(context.scratch, 'live-boot')).then(
    () => true,
    () => false,
  );
  if (hasLiveBoot && initrd !== undefined) return;
  throw new FailureError({
    reason: 'export-failed',
    message: hasLiveBoot
      ? 'the image has no initial RAM disk, without which a live system cannot start'
      : `the image has no live-boot: there is no ${LIVE_BOOT}`,
    hint: 'install the packages live-boot and live-boot-initramfs-tools in a step, with a kernel',
  });
}
