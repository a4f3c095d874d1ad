/** Package managers whose install command we can name. */
export const PACKAGE_MANAGERS = ['apt', 'dnf', 'pacman', 'apk', 'brew'] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

/** A program, or files, of the host. */
export interface HostTool {
  /** Name of the program, or of the files as people call them. */
  readonly name: string;
  /** What does not work without it. */
  readonly neededFor: string;
  /** Without it the usual build of an image cannot work at all. */
  readonly required: boolean;
  /** The package that has it, by manager; none: that manager has no such package. */
  readonly packages: Partial<Record<PackageManager, string>>;
  /** Instead of a program of that name: one of these files must exist. By `process.arch` where it matters. */
  readonly files?: readonly string[];
  /** Other names of the program on some systems. */
  readonly aliases?: readonly string[];
  /** Only on hosts of this `process.arch`. */
  readonly only?: NodeJS.Architecture;
}

const same = (name: string): HostTool['packages'] => ({
  apt: name,
  dnf: name,
  pacman: name,
  apk: name,
  brew: name,
});

const UTIL_LINUX = { apt: 'util-linux', dnf: 'util-linux', pacman: 'util-linux', apk: 'util-linux-misc' };
const E2FSPROGS = same('e2fsprogs');
const ATTR = { apt: 'attr', dnf: 'attr', pacman: 'attr', apk: 'attr' };
const SQUASHFS_TOOLS = { ...same('squashfs-tools'), brew: 'squashfs' };
const EROFS_UTILS = same('erofs-utils');
const UIDMAP = { apt: 'uidmap', dnf: 'shadow-utils', pacman: 'shadow', apk: 'shadow-uidmap' };

/** Every program of the host that is called, in the order in which a build needs them. */
export const HOST_TOOLS: readonly HostTool[] = [
  { name: 'unshare', neededFor: 'builder rootfs: private namespaces', required: true, packages: UTIL_LINUX },
  {
    name: 'setpriv',
    neededFor: 'builder rootfs: helpers that end with imgpipe',
    required: true,
    packages: { ...UTIL_LINUX, apk: 'setpriv' },
  },
  {
    name: 'flock',
    neededFor: 'builder rootfs: locks',
    required: true,
    packages: { ...UTIL_LINUX, apk: 'flock' },
  },
  { name: 'nsenter', neededFor: 'imgpipe shell', required: true, packages: UTIL_LINUX },
  {
    name: 'mount',
    neededFor: 'builder rootfs: overlay of layers',
    required: true,
    packages: { ...UTIL_LINUX, apk: 'mount' },
  },
  { name: 'getfattr', neededFor: 'layers: extended attributes', required: true, packages: ATTR },
  { name: 'setfattr', neededFor: 'layers: extended attributes', required: true, packages: ATTR },
  { name: 'newuidmap', neededFor: 'builds without root', required: false, packages: UIDMAP },
  { name: 'newgidmap', neededFor: 'builds without root', required: false, packages: UIDMAP },
  {
    name: 'apt-get',
    neededFor: 'source bootstrap',
    required: false,
    packages: { apt: 'apt', dnf: 'apt', pacman: 'apt' },
  },
  { name: 'dpkg', neededFor: 'source bootstrap', required: false, packages: same('dpkg') },
  {
    name: 'mmdebstrap',
    neededFor: 'source bootstrap',
    required: false,
    packages: { apt: 'mmdebstrap', dnf: 'mmdebstrap' },
  },
  {
    name: 'tar',
    neededFor: 'sources rootfs and oci-image',
    required: true,
    packages: { ...same('tar'), brew: 'gnu-tar' },
  },
  { name: 'zstd', neededFor: 'source rootfs: .tar.zst', required: false, packages: same('zstd') },
  {
    name: 'xz',
    neededFor: 'source rootfs: .tar.xz',
    required: false,
    packages: { ...same('xz'), apt: 'xz-utils' },
  },
  { name: 'mke2fs', neededFor: 'disks: the root file system', required: true, packages: E2FSPROGS },
  {
    name: 'debugfs',
    neededFor: 'disks: changes of single files',
    required: true,
    packages: { ...E2FSPROGS, apk: 'e2fsprogs-extra' },
  },
  {
    name: 'mkfs.fat',
    neededFor: 'disks: the EFI system partition',
    required: true,
    packages: same('dosfstools'),
  },
  {
    name: 'mkfs.xfs',
    neededFor: 'disks: XFS file systems',
    required: false,
    packages: { apt: 'xfsprogs', dnf: 'xfsprogs', pacman: 'xfsprogs', apk: 'xfsprogs' },
  },
  {
    name: 'mkfs.btrfs',
    neededFor: 'disks: btrfs file systems',
    required: false,
    packages: { apt: 'btrfs-progs', dnf: 'btrfs-progs', pacman: 'btrfs-progs', apk: 'btrfs-progs' },
  },
  { name: 'mcopy', neededFor: 'disks: the EFI system partition', required: true, packages: same('mtools') },
  {
    name: 'xorriso',
    neededFor: 'export iso, source iso',
    required: false,
    packages: { ...same('xorriso'), pacman: 'libisoburn' },
  },
  {
    name: 'grub-mkimage',
    neededFor: 'disks: the boot loader',
    required: true,
    aliases: ['grub2-mkimage'],
    packages: { apt: 'grub-common', dnf: 'grub2-tools', pacman: 'grub', apk: 'grub' },
  },
  {
    name: 'GRUB modules for BIOS',
    neededFor: 'disks that boot by BIOS',
    required: false,
    only: 'x64',
    files: ['/usr/lib/grub/i386-pc/boot.img'],
    packages: { apt: 'grub-pc-bin', dnf: 'grub2-pc-modules', pacman: 'grub', apk: 'grub-bios' },
  },
  {
    name: 'GRUB modules for UEFI',
    neededFor: 'disks that boot by UEFI',
    required: false,
    only: 'x64',
    files: ['/usr/lib/grub/x86_64-efi/modinfo.sh', '/usr/lib/grub/x86_64-efi/moddep.lst'],
    packages: { apt: 'grub-efi-amd64-bin', dnf: 'grub2-efi-x64-modules', pacman: 'grub', apk: 'grub-efi' },
  },
  {
    name: 'GRUB modules for UEFI on arm64',
    neededFor: 'disks that boot by UEFI',
    required: false,
    only: 'arm64',
    files: ['/usr/lib/grub/arm64-efi/modinfo.sh', '/usr/lib/grub/arm64-efi/moddep.lst'],
    packages: { apt: 'grub-efi-arm64-bin', dnf: 'grub2-efi-aa64-modules', apk: 'grub-efi' },
  },
  {
    name: 'qemu-img',
    neededFor: 'export qcow2 and other disk formats',
    required: true,
    packages: { apt: 'qemu-utils', dnf: 'qemu-img', pacman: 'qemu-img', apk: 'qemu-img', brew: 'qemu' },
  },
  {
    name: 'qemu-system-x86_64',
    neededFor: 'builder qemu, check boot',
    required: false,
    only: 'x64',
    packages: {
      apt: 'qemu-system-x86',
      dnf: 'qemu-system-x86-core',
      pacman: 'qemu-system-x86',
      apk: 'qemu-system-x86_64',
      brew: 'qemu',
    },
  },
  {
    name: 'qemu-system-aarch64',
    neededFor: 'builder qemu, check boot',
    required: false,
    only: 'arm64',
    packages: {
      apt: 'qemu-system-arm',
      dnf: 'qemu-system-aarch64-core',
      pacman: 'qemu-system-aarch64',
      apk: 'qemu-system-aarch64',
      brew: 'qemu',
    },
  },
  {
    name: 'UEFI firmware for QEMU',
    neededFor: 'builder qemu and check boot by UEFI',
    required: false,
    only: 'x64',
    files: [
      '/usr/share/OVMF/OVMF_CODE_4M.fd',
      '/usr/share/OVMF/OVMF_CODE.fd',
      '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
      '/usr/share/edk2/ovmf/OVMF_CODE.fd',
    ],
    packages: { apt: 'ovmf', dnf: 'edk2-ovmf', pacman: 'edk2-ovmf', apk: 'ovmf', brew: 'qemu' },
  },
  { name: 'swtpm', neededFor: 'builder qemu: a TPM', required: false, packages: same('swtpm') },
  {
    name: 'gzip',
    neededFor: 'exports with gzip: gce, rootfs-tar, oci, vagrant',
    required: false,
    packages: same('gzip'),
  },
  { name: 'fallocate', neededFor: 'export gce', required: false, packages: UTIL_LINUX },
  { name: 'mksquashfs', neededFor: 'export squashfs', required: false, packages: SQUASHFS_TOOLS },
  { name: 'mkfs.erofs', neededFor: 'export erofs', required: false, packages: EROFS_UTILS },
  {
    name: 'skopeo',
    neededFor: 'post-processor push',
    required: false,
    packages: { apt: 'skopeo', dnf: 'skopeo', pacman: 'skopeo', apk: 'skopeo', brew: 'skopeo' },
  },
  {
    name: 'gpg',
    neededFor: 'post-processor sign, imgpipe verify: OpenPGP',
    required: false,
    packages: { apt: 'gpg', dnf: 'gnupg2', pacman: 'gnupg', apk: 'gnupg', brew: 'gnupg' },
  },
  {
    name: 'minisign',
    neededFor: 'post-processor sign, imgpipe verify: minisign',
    required: false,
    packages: same('minisign'),
  },
];

/** The command that installs packages with a manager. */
export function installCommand(manager: PackageManager, packages: readonly string[], root: boolean): string {
  const sudo = root || manager === 'brew' ? '' : 'sudo ';
  const list = [...new Set(packages)].toSorted().join(' ');
  switch (manager) {
    case 'apt':
      return `${sudo}apt-get install --no-install-recommends ${list}`;
    case 'dnf':
      return `${sudo}dnf install ${list}`;
    case 'pacman':
      return `${sudo}pacman -S --needed ${list}`;
    case 'apk':
      return `${sudo}apk add ${list}`;
    case 'brew':
      return `brew install ${list}`;
  }
}
