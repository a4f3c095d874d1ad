/** Architectures by Debian's names, which are also imgpipe's. */
export const ARCHITECTURES = ['amd64', 'arm64', 'armhf', 'i386', 'ppc64el', 'riscv64', 's390x'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

const HAS_BIOS: readonly Architecture[] = ['amd64', 'i386'];
const HAS_UEFI = ['amd64', 'i386', 'arm64', 'armhf', 'riscv64'] as const satisfies Architecture[];

/** Those whose machines start by UEFI what imgpipe makes. */
export type UefiArchitecture = (typeof HAS_UEFI)[number];

/** By what machines of an architecture start what imgpipe makes. */
export function firmwareOf(architecture: Architecture): { readonly bios: boolean; readonly uefi: boolean } {
  return { bios: HAS_BIOS.includes(architecture), uefi: HAS_UEFI.some((name) => name === architecture) };
}

/**
 * What keeps machines of an architecture from starting a medium of this firmware; undefined when they can. `both` asks
 * for what there is.
 */
export function firmwareMistake(
  architecture: Architecture,
  firmware: 'bios' | 'uefi' | 'both',
): { readonly message: string; readonly hint: string } | undefined {
  const has = firmwareOf(architecture);
  if (firmware === 'both' ? has.bios || has.uefi : has[firmware]) return undefined;
  const wanted = firmware === 'both' ? 'BIOS or UEFI' : firmware.toUpperCase();
  return {
    message: `imgpipe cannot make ${architecture} disks that boot by ${wanted}`,
    hint:
      has.bios || has.uefi
        ? 'Leave `firmware` out.'
        : 'Export the files without a disk, such as `rootfs-tar`.',
  };
}

/** Architecture of this host by Debian's name, or undefined where Debian has none. */
export function hostArchitecture(): Architecture | undefined {
  const names: Partial<Record<NodeJS.Architecture, Architecture>> = {
    x64: 'amd64',
    arm64: 'arm64',
    arm: 'armhf',
    ia32: 'i386',
    riscv64: 'riscv64',
    s390x: 's390x',
  };
  return names[process.arch];
}
