import { sha256Hex } from '../../util/hash.ts';
import type { Inventory, InstalledPackage } from './inventory.ts';

/** All that a bill of materials says, before it is written in one of the formats. */
export interface SbomFacts {
  /** Of the image or machine. */
  readonly name: string;
  /** Seconds since 1970: the time of the document. */
  readonly sourceDateEpoch: number;
  /** Files of the image, the main one first; none for a machine. */
  readonly images: readonly { readonly path: string; readonly sha256: string }[];
  readonly inventory: Inventory;
}

/** Name of a package for all tools (package-url). */
export function purl(
  { type, name, version, architecture }: InstalledPackage,
  system: Inventory['system'],
): string {
  const { id = type === 'deb' ? 'debian' : 'alpine', version: release } = system;
  const distro = release === undefined ? '' : `&distro=${encodeURIComponent(`${id}-${release}`)}`;
  return `pkg:${type}/${encodeURIComponent(id)}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}${distro}`;
}

/**
 * A UUID that stands for the image's files, or else for its packages (RFC 9562, version 8: bits by choice), so that the
 * document is the same each time.
 */
export function documentUuid({ images, inventory, name }: SbomFacts, format: string): string {
  const content =
    images.length > 0
      ? images.map(({ sha256 }) => sha256)
      : inventory.packages.map((each) => purl(each, inventory.system));
  const text = [format, name, ...content].join('\n');
  const hex = sha256Hex(text);
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

/** Time of the document: that to which the image's times are clamped. */
export function createdAt({ sourceDateEpoch }: SbomFacts): string {
  return new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
}
