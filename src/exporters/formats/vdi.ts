import { open } from 'node:fs/promises';
import { guidBytes } from '../disk/guid.ts';

/** Places of the two identifiers of a VDI 1.1 header (VirtualBox, VDICore.h: uuidCreate and uuidModify). */
const IMAGE_UUID = 0x188;
const SNAPSHOT_UUID = 0x198;

/**
 * Sets the identifiers of a VDI, which qemu-img takes from chance. VirtualBox refuses two images of one id in its
 * registry, so different disks must have different ones.
 */
export async function identifyVdi(
  path: string,
  identity: { readonly image: string; readonly snapshot: string },
): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(guidBytes(identity.image), 0, 16, IMAGE_UUID);
  await file.write(guidBytes(identity.snapshot), 0, 16, SNAPSHOT_UUID);
}
