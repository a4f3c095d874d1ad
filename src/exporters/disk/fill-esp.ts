import { runTool } from '../run-tool.ts';
import { espEnvironment, espTarget } from './boot-loader.ts';
import type { DiskBuildContext } from './build-disk.ts';
import type { DiskPlan } from './plan-disk.ts';

/**
 * Copies the files below a folder into the ESP, beside the boot loader. A loader of the image under the name of ours (such
 * as one that is signed) takes its place. The plan has seen to it that all of them are plain files and fit.
 */
export async function fillEsp(plan: DiskPlan, folder: string, context: DiskBuildContext): Promise<void> {
  const list = ['find', '.', '-mindepth', '1', '-type'] as const;
  const find = async (type: 'd' | 'f'): Promise<string[]> => {
    const argv = [...list, type, '-print0'] as const;
    const { stdout } = await runTool(context, { argv, cwd: folder, reason: 'disk-failed' });
    return stdout
      .split('\0')
      .filter((path) => path !== '')
      .map((path) => path.slice(2))
      .toSorted();
  };
  const run = async (argv: readonly [string, ...string[]]): Promise<void> => {
    await runTool(context, { argv, cwd: folder, env: espEnvironment(plan), reason: 'disk-failed' });
  };
  const target = espTarget(plan, context.outputPath);
  for (const path of await find('d')) {
    if (/^efi(\/boot)?$/i.test(path)) continue;
    await run(['mmd', '-i', target, `::/${path}`]);
  }
  for (const path of await find('f')) await run(['mcopy', '-o', '-i', target, `./${path}`, `::/${path}`]);
}
