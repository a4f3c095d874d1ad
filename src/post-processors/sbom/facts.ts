import type { Artifact } from '../../model/artifact.ts';
import type { Pipeline } from '../../model/pipeline.ts';
import { sha256Hex } from '../../util/hash.ts';
import type { Inventory, InstalledPackage } from './inventory.ts';

/** All that a bill of materials says, before it is written in one of the formats. */
export interface SbomFacts {
  readonly pipeline: Pipeline;
  readonly artifact: Artifact;
  readonly inventory: Inventory;
}

/** Name of a package for all tools (package-url, type `deb`). */
export function purl({ name, version, architecture }: InstalledPackage, system: Inventory['system']): string {
  const { id = 'debian', version: release } = system;
  const distro = release === undefined ? '' : `&distro=${encodeURIComponent(`${id}-${release}`)}`;
  return `pkg:deb/${encodeURIComponent(id)}/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}${distro}`;
}

/** A UUID that stands for the artifact (RFC 9562, version 8: bits by choice), so that the document is the same each time. */
export function documentUuid({ artifact, pipeline }: SbomFacts, format: string): string {
  const text = [format, pipeline.id, ...artifact.files.map(({ sha256 }) => sha256)].join('\n');
  const hex = sha256Hex(text);
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

/** Time of the document: that to which the image's times are clamped. */
export function createdAt({ sourceDateEpoch }: Pipeline): string {
  return new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
}
