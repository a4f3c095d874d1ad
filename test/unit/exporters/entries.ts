import type { ManifestEntry } from '../../../src/layers/manifest.ts';

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1_735_689_600, xattrs: [] };

/** Manifest entries for tests, with defaults for what a test does not care about. */
export const file = (path: string, over: Partial<ManifestEntry & { type: 'file' }> = {}): ManifestEntry => ({
  type: 'file',
  path,
  ...attributes,
  size: 10,
  sha256: 'a'.repeat(64),
  ...over,
});
export const folder = (
  path: string,
  over: Partial<ManifestEntry & { type: 'directory' }> = {},
): ManifestEntry => ({
  type: 'directory',
  path,
  ...attributes,
  mode: 0o755,
  opaque: false,
  ...over,
});
export const link = (path: string, target: string): ManifestEntry => ({
  type: 'symlink',
  path,
  ...attributes,
  mode: 0o777,
  target,
});
export const whiteout = (path: string): ManifestEntry => ({ type: 'whiteout', path });
