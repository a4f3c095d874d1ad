import { join } from 'node:path';
import { unwrap } from '../diagnostics/failure.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { findKernel } from './disk/kernel.ts';
import { readKernelArguments } from './disk/kernel-arguments.ts';
import { mergeTree } from './disk/merged-tree.ts';
import type { ExportContext } from './exporter.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';

/** What a machine needs to start the image's kernel without a boot loader. */
export interface BootFiles {
  readonly version: string;
  /** Path of a copy of the kernel on the host. */
  readonly kernel: string;
  /** Path of a copy of the initial RAM disk on the host. */
  readonly initrd?: string;
  readonly commandLine: string;
}

/**
 * Copies the newest kernel of the image and its initial RAM disk into the scratch folder.
 * @param args arguments that come first; those of the image follow
 * @param more paths of the image that are copied if they are there: name of the copy → path
 * @throws FailureError `disk-failed` when the image has no kernel
 */
export async function takeBootFiles(
  context: ExportContext,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<BootFiles> {
  const store = new LayerStore(context.workspace.storeDirectory);
  const layers = context.layers.map(({ digest }, position) => ({
    position,
    entries: store.manifest(digest).entries(),
  }));
  const { version, image, initrd } = unwrap(findKernel(mergeTree(layers)));
  const wanted = { vmlinuz: image, ...(initrd !== undefined && { 'initrd.img': initrd }) };
  const copy = 'if test -f "$1/$3"; then cp -- "$1/$3" "$2"; chmod 0644 "$2"; fi';
  await withMergedTree(context, async (tree) => {
    for (const [name, path] of Object.entries({ ...wanted, ...more })) {
      const argv = ['sh', '-ec', copy, 'sh', tree, join(context.scratch, name), path] as const;
      await runTool(context, { argv, reason: 'export-failed' });
    }
  });
  const own = (await readKernelArguments(context.workspace, context.layers)).split(/\s+/);
  return {
    version,
    kernel: join(context.scratch, 'vmlinuz'),
    ...(initrd !== undefined && { initrd: join(context.scratch, 'initrd.img') }),
    commandLine: [...args, ...own].filter((word) => word !== '').join(' '),
  };
}
