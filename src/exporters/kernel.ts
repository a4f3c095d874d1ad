import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { takeBootFiles } from './boot-files.ts';
import { defineExporter } from './exporter.ts';
import { packFolder } from './pack-folder.ts';

const schema = z.strictObject({
  args: z
    .array(
      z.string().regex(/^[^\s"]+("[^"\n]*")?$/, 'must be one argument without spaces, e.g. root=/dev/vda'),
    )
    .default([])
    .describe("Arguments for the kernel's command line; those of `disk.kernelArgs` and of the image follow."),
});

export const kernelExporter = defineExporter({
  type: 'kernel',
  summary: 'Kernel, initial RAM disk and command line, to start without a boot loader.',
  description: `A tar of \`vmlinuz\`, \`initrd.img\`, \`cmdline\` and \`boot.ipxe\`: for \`qemu -kernel\`, Firecracker, \`kexec\`, and for
network boot, where the unpacked files lie beside each other on a server.`,
  schema,
  keyVersion: 1,
  tools: ['tar'],
  examples: {
    good: [{ title: 'Root on an NFS server', options: { args: ['root=/dev/nfs', 'ip=dhcp'] } }],
    bad: [{ title: 'Two arguments in one', options: { args: ['quiet splash'] }, error: 'without spaces' }],
  },
  input: 'layers',
  extension: () => 'kernel.tar',
  reads: ({ disk }) => ({ '`disk.kernelArgs`': disk.kernelArgs }),
  readBackBy: ['bsdtar'],
  bootedBy: 'QEMU, without a boot loader',
  reproducible: true,
  run: ({ args }, context) =>
    capture(async () => {
      const boot = await takeBootFiles(context, [...args, ...context.pipeline.disk.kernelArgs]);
      const folder = join(context.scratch, 'boot');
      await mkdir(folder);
      await rename(boot.kernel, join(folder, 'vmlinuz'));
      if (boot.initrd !== undefined) await rename(boot.initrd, join(folder, 'initrd.img'));
      await writeFile(join(folder, 'cmdline'), `${boot.commandLine}\n`);
      await writeFile(join(folder, 'boot.ipxe'), ipxeScript(boot.commandLine, boot.initrd !== undefined));
      await packFolder(context, folder);
    }),
});

/** iPXE loads files relative to the script's own address; by UEFI the kernel must be told its RAM disk's name. */
function ipxeScript(commandLine: string, hasInitrd: boolean): string {
  const words = ['kernel vmlinuz', ...(hasInitrd ? ['initrd=initrd.img'] : []), commandLine];
  const kernel = words.filter((word) => word !== '').join(' ');
  return ['#!ipxe', kernel, ...(hasInitrd ? ['initrd initrd.img'] : []), 'boot', ''].join('\n');
}
