/** Architectures by Debian's names, which are also imgpipe's. */
export const ARCHITECTURES = ['amd64', 'arm64', 'armhf', 'i386', 'ppc64el', 'riscv64', 's390x'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

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
