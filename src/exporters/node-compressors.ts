/**
 * Versions of the compressors that Node brings, for `reads`: with another one the same bytes can be compressed to
 * others.
 */
export const ZLIB: Readonly<Record<string, unknown>> = { 'version of zlib': process.versions.zlib };
export const ZSTD: Readonly<Record<string, unknown>> = { 'version of zstd': process.versions['zstd'] };
