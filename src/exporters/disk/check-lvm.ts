import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import type { DiskRequest } from '../../model/disk-request.ts';
import type { Kernel } from './kernel.ts';
import { foldersAbove, type MergedTree } from './merged-tree.ts';

/** LVM's program, which the initial RAM disk takes from the image to find the root file system. */
const PROGRAMS: readonly string[] = ['/usr/sbin/lvm', '/sbin/lvm', '/usr/bin/lvm'];
const FOLDERS: ReadonlySet<string> = new Set(PROGRAMS.flatMap((path) => [...foldersAbove(path)]));

/** Whether `checkLvm` asks for a path of an image. */
export function decidesLvm(path: string): boolean {
  return PROGRAMS.includes(path) || FOLDERS.has(path);
}

/**
 * Whether an image can start from a root file system on LVM, if it is to: the kernel itself cannot read it.
 * @returns `disk-failed`
 */
export function checkLvm(
  tree: MergedTree,
  kernel: Kernel,
  { lvm }: Pick<DiskRequest['spec'], 'lvm'>,
): Result<void> {
  if (lvm === undefined) return ok();
  if (!PROGRAMS.some((path) => tree.get(path)?.entry.type === 'file')) {
    return fail({
      reason: 'disk-failed',
      message: `the image has no LVM, so it could not find its root in the volume group ${lvm.group}`,
      hint: 'install the package lvm2 in a step, or leave out disk.lvm',
    });
  }
  if (kernel.initrd === undefined) {
    return fail({
      reason: 'disk-failed',
      message: `the kernel ${kernel.image} has no initial RAM disk, without which nothing finds a root on LVM`,
      hint: 'install a package that makes one in a step, on Debian initramfs-tools, or leave out disk.lvm',
    });
  }
  return ok();
}
