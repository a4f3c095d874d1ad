/** Raised whenever the same request gives other bytes than before, so that old disks are not used again. */
export const DISK_VERSION = 2;
