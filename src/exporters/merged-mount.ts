import type { ExportContext } from './exporter.ts';

/** Runs `use` with the path of the image's merged tree, which is mounted for so long in the workspace. */
export async function withMergedTree<T>(
  context: ExportContext,
  use: (mountPoint: string) => Promise<T>,
): Promise<T> {
  const view = await context.workspace.mountView(context.layers);
  try {
    return await use(view.mountPoint);
  } finally {
    await context.workspace.discard(view);
  }
}
