import { createHash } from 'node:crypto';

/** Name space of all identifiers imgpipe derives (a random UUID, fixed for ever). */
const NAMESPACE = Buffer.from('6f1c1b0e4f0d4a55b6c2a3f0c0de1a6e', 'hex');

/**
 * A UUID that is the same for the same seed and name, in lower-case text form: RFC 9562 version 8 built like
 * version 5, with SHA-256 in place of SHA-1.
 * @param seed what the disk belongs to, e.g. the pipeline's id
 * @param name which identifier of it, e.g. `disk` or `partition/root`
 */
export function derivedUuid(seed: string, name: string): string {
  const bytes = createHash('sha256').update(NAMESPACE).update(`${seed}\0${name}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const LVM_CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * An identifier of LVM that is the same for the same seed and name: 32 letters and digits, with hyphens.
 * @param name which identifier of a disk, e.g. `lvm/group`
 */
export function derivedLvmId(seed: string, name: string): string {
  const bytes = createHash('sha256').update(NAMESPACE).update(`${seed}\0${name}`).digest();
  const id = [...bytes].map((byte) => LVM_CHARACTERS.charAt(byte % LVM_CHARACTERS.length)).join('');
  return hyphenatedLvmId(id);
}

/** The 32 characters of an identifier of LVM as it shows them, in groups of 6-4-4-4-4-4-6. */
export function hyphenatedLvmId(id: string): string {
  return id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7');
}

/** A UUID's text form as the 16 bytes of a GUID on disk: first three fields little-endian (UEFI spec, appendix A). */
export function guidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** The reverse of `guidBytes`: 16 bytes as on disk to lower-case text. */
export function guidText(onDisk: Uint8Array): string {
  const bytes = Buffer.from(onDisk);
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
