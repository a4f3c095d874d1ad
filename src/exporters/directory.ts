import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';

export const directoryExporter = defineExporter({
  type: 'directory',
  summary: 'All files of the image in a plain folder.',
  description: `For \`systemd-nspawn\`, \`chroot\`, NFS roots, or to look at. Owners, modes, times and extended attributes are those of the image,
which only root can write; others take \`rootfs-tar\`.`,
  schema: z.strictObject({}),
  keyVersion: 1,
  examples: {
    good: [{ title: 'A tree', options: {} }],
    bad: [{ title: 'Unknown option', options: { owner: 'me' }, error: 'owner' }],
  },
  input: 'layers',
  extension: () => 'tree',
  isFolder: () => true,
  readBackBy: ['find', 'sha256sum'],
  reproducible: true,
  run: (_, context) =>
    capture(async () => {
      if (process.getuid?.() !== 0) {
        throw new FailureError({
          reason: 'export-failed',
          message: 'a plain folder with the owners of the image can only be written by root',
          hint: 'Export a `rootfs-tar`, or build as root.',
        });
      }
      await withMergedTree(context, (tree) =>
        runTool(context, {
          argv: ['cp', '-a', '--reflink=auto', '--no-target-directory', '--', tree, context.outputPath],
          reason: 'export-failed',
        }),
      );
    }),
});
