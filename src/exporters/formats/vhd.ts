import { open } from 'node:fs/promises';

const FOOTER = 512;
/** 2000-01-01 00:00 UTC, from which VHD counts, in seconds since 1970. */
const VHD_EPOCH = 946_684_800;

/**
 * Sets the time of creation and the unique id of a VHD, which qemu-img takes from the clock and from chance. Footer
 * (Virtual Hard Disk Image Format Specification 1.0, "Hard Disk Footer Format"), big-endian: time at 24, checksum at
 * 64, unique id at 68; it is the last sector, and in a dynamic disk also the first.
 * @param uuid in text form
 * @param created seconds since 1970
 */
export async function identifyVhd(
  path: string,
  identity: { readonly uuid: string; readonly created: number; readonly isDynamic: boolean },
): Promise<void> {
  await using file = await open(path, 'r+');
  const { size } = await file.stat();
  const footer = Buffer.alloc(FOOTER);
  await file.read(footer, 0, FOOTER, size - FOOTER);
  footer.writeUInt32BE(Math.max(0, identity.created - VHD_EPOCH), 24);
  footer.write(identity.uuid.replaceAll('-', ''), 68, 'hex');
  footer.writeUInt32BE(0, 64);
  footer.writeUInt32BE(checksum(footer), 64);
  await file.write(footer, 0, FOOTER, size - FOOTER);
  if (identity.isDynamic) await file.write(footer, 0, FOOTER, 0);
}

/** One's complement of the sum of all bytes, with the checksum's own field at zero. */
function checksum(footer: Uint8Array): number {
  return ~footer.reduce((sum, byte) => sum + byte, 0) >>> 0;
}
