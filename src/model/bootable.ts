/** Disk formats by QEMU's names. */
export type QemuFormat = 'raw' | 'qcow2' | 'vmdk' | 'vpc' | 'vhdx' | 'vdi';

/** Endings of the files that a check can boot. */
const FORMATS: readonly (readonly [ending: string, format: QemuFormat])[] = [
  ['qcow2', 'qcow2'],
  ['raw', 'raw'],
  ['raw.zst', 'raw'],
  ['raw.gz', 'raw'],
  ['raw.xz', 'raw'],
  ['img', 'raw'],
  // As a USB stick starts it: a disk whose first sector is boot code.
  ['iso', 'raw'],
  ['vmdk', 'vmdk'],
  ['vhd', 'vpc'],
  ['vhdx', 'vhdx'],
  ['vdi', 'vdi'],
];

/** QEMU's name for the format of files of an ending (`raw.zst`); undefined when it cannot boot them. */
export function bootableFormat(extension: string): QemuFormat | undefined {
  return FORMATS.find(([ending]) => ending === extension)?.[1];
}

/** QEMU's name for the format of a file that is known to be bootable. */
export function formatOfFile(path: string): QemuFormat {
  return FORMATS.find(([ending]) => path.endsWith(`.${ending}`))?.[1] ?? 'raw';
}
