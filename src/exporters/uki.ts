import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import type { Architecture } from '../model/platform.ts';
import { isErrno } from '../util/atomic-file.ts';
import { takeBootFiles } from './boot-files.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { addPeSections, type PeSection } from './formats/pe-sections.ts';

const STUB_FOLDER = '/usr/lib/systemd/boot/efi';
const STUBS: Partial<Record<Architecture, string>> = {
  amd64: 'linuxx64.efi.stub',
  arm64: 'linuxaa64.efi.stub',
};

const schema = z.strictObject({
  args: z
    .array(
      z.string().regex(/^[^\s"]+("[^"\n]*")?$/, 'must be one argument without spaces, e.g. root=/dev/vda'),
    )
    .default([])
    .describe("Arguments for the kernel's command line; those of `disk.kernelArgs` and of the image follow."),
});

export const ukiExporter = defineExporter({
  type: 'uki',
  summary: 'A unified kernel image: kernel, initial RAM disk and command line in one EFI program.',
  description: `For firmware that starts it from the EFI system partition or over HTTP, and for \`sbsign\`: one signature covers all of
it. Around the image's kernel lies systemd's stub, which a step has to install in the image (package \`systemd-boot-efi\`).
amd64 and arm64.`,
  schema,
  keyVersion: 1,
  examples: {
    good: [{ title: 'Root by partition label', options: { args: ['root=PARTLABEL=root', 'rw'] } }],
    bad: [{ title: 'Two arguments in one', options: { args: ['quiet splash'] }, error: 'without spaces' }],
  },
  input: 'layers',
  extension: () => 'efi',
  refuses: (_options, { architecture }) =>
    STUBS[architecture] === undefined
      ? {
          message: `there is no EFI stub for ${architecture}: only for ${Object.keys(STUBS).join(' and ')}`,
          hint: 'Export `kernel` instead: kernel, initial RAM disk and command line beside each other.',
        }
      : undefined,
  reads: ({ disk }) => ({ '`disk.kernelArgs`': disk.kernelArgs }),
  readBackBy: ['OVMF', '7-Zip'],
  bootedBy: 'QEMU, UEFI',
  reproducible: true,
  run: ({ args }, context) =>
    capture(async () => {
      const own = `${STUB_FOLDER}/${STUBS[context.pipeline.architecture] ?? ''}`;
      const boot = await takeBootFiles(context, [...args, ...context.pipeline.disk.kernelArgs], {
        stub: own,
        'os-release': '/usr/lib/os-release',
      });
      const stub = await readScratch(context, 'stub');
      if (stub === undefined) {
        throw new FailureError({
          reason: 'export-failed',
          message: `the image has no EFI stub: there is no ${own}`,
          hint: 'install the package systemd-boot-efi in a step',
        });
      }
      const release = await readScratch(context, 'os-release');
      const sections: PeSection[] = [
        ...(release === undefined ? [] : [{ name: '.osrel', content: release }]),
        { name: '.cmdline', content: Buffer.from(`${boot.commandLine}\0`) },
        { name: '.uname', content: Buffer.from(boot.version) },
        ...(boot.initrd === undefined ? [] : [{ name: '.initrd', content: await readFile(boot.initrd) }]),
        // Last: a kernel unpacks itself beyond its own end.
        { name: '.linux', content: await readFile(boot.kernel) },
      ];
      await writeFile(context.outputPath, addPeSections(stub, sections));
    }),
});

/** A file that was copied from the image, or undefined when the image has none. */
async function readScratch(context: ExportContext, name: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(context.scratch, name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
