import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import { compareDebianVersions } from './debian-version.ts';
import type { MergedTree } from './merged-tree.ts';

/** The kernel an image boots: absolute paths in the image. */
export interface Kernel {
  readonly version: string;
  readonly image: string;
  readonly initrd?: string;
}

const IMAGE = /^\/boot\/vmlinu[xz]-(?<version>[A-Za-z0-9.+~_-]+)$/;

/** Names under which Debian, Fedora, Arch and Alpine put the initial RAM disk of a kernel version. */
const initrdNames = (version: string): readonly string[] => [
  `/boot/initrd.img-${version}`,
  `/boot/initramfs-${version}.img`,
  `/boot/initrd-${version}`,
  `/boot/initramfs-${version.replace(/^.*-/, '')}`,
];

/** The newest kernel of the image, by Debian's order of versions. */
export function findKernel(tree: MergedTree): Result<Kernel> {
  const kernels: Kernel[] = [];
  for (const [path, { entry }] of tree) {
    const version = IMAGE.exec(path)?.groups?.['version'];
    if (version === undefined || entry.type !== 'file') continue;
    const initrd = initrdNames(version).find((name) => tree.get(name)?.entry.type === 'file');
    kernels.push({ version, image: path, ...(initrd !== undefined && { initrd }) });
  }
  const newest = kernels.toSorted((a, b) => compareDebianVersions(b.version, a.version))[0];
  if (newest !== undefined) return ok(newest);
  return fail({
    reason: 'disk-failed',
    message: 'the image has no kernel: there is no /boot/vmlinuz-* file',
    hint: 'install a kernel package in a step, e.g. linux-image-cloud-amd64, or export only formats without a disk',
  });
}

/** Consoles to which kernel and boot loader speak: the screen, and the first serial port, which becomes /dev/console. */
export function defaultConsoles(architecture: string, serialConsole: boolean): readonly string[] {
  const serial = architecture === 'arm64' || architecture === 'armhf' ? 'ttyAMA0' : 'ttyS0';
  if (!serialConsole) return ['console=tty0'];
  return ['console=tty0', `console=${serial},115200`];
}

/**
 * The kernel command line. The defaults for the consoles go when the template or the image names consoles itself.
 * @param disk.root where the root file system lies, e.g. `PARTUUID=…`
 * @param imageArguments what `readKernelArguments` gives
 */
export function kernelCommandLine(
  disk: { readonly root: string; readonly architecture: string; readonly serialConsole: boolean },
  specArguments: readonly string[],
  imageArguments: string,
): string {
  const fromImage = imageArguments.split(/\s+/).filter((word) => word !== '');
  const chosen = [...specArguments, ...fromImage];
  const named = (option: string): boolean => chosen.some((word) => word.startsWith(`${option}=`));
  return [
    ...(named('root') ? [] : [`root=${disk.root}`]),
    // Without an fstab nothing remounts the root file system, so it must come up writable.
    ...(chosen.includes('ro') || chosen.includes('rw') ? [] : ['rw']),
    ...(named('console') ? [] : defaultConsoles(disk.architecture, disk.serialConsole)),
    ...chosen,
  ].join(' ');
}
