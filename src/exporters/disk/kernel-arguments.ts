import type { Workspace } from '../../layers/workspace.ts';
import type { View } from '../../model/layer.ts';

const FILE = '/etc/kernel/cmdline';
const DROP_INS = '/etc/kernel/cmdline.d';

/** Folders on the way to the files that hold kernel arguments. */
export const COMMAND_LINE_FOLDERS: readonly string[] = ['/etc', '/etc/kernel', DROP_INS];

/** Whether a path of an image is a file with kernel arguments: `kernel-install(8)`'s own, or one that a step wrote. */
export function isCommandLineFile(path: string): boolean {
  return path === FILE || (path.startsWith(`${DROP_INS}/`) && path.endsWith('.conf'));
}

/** Kernel arguments that an image names for itself: /etc/kernel/cmdline, then /etc/kernel/cmdline.d/*.conf by name. */
export async function readKernelArguments(workspace: Workspace, view: View): Promise<string> {
  const files = [FILE, ...(await workspace.glob(view, [`${DROP_INS}/*.conf`])).toSorted()];
  const texts = await Promise.all(files.map((file) => workspace.readText(view, file)));
  return texts.map((text) => text?.replace(/^\s*#.*$/gm, '') ?? '').join(' ');
}
