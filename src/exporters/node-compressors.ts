/** Version of the zlib that Node brings: with another one the same bytes can be compressed to others. */
export const ZLIB_VERSION = process.versions.zlib;

/** The same of its zstd. */
export const ZSTD_VERSION = process.versions['zstd'];

/** The same of both, for `reads`. */
export const ZLIB: Readonly<Record<string, unknown>> = { 'version of zlib': ZLIB_VERSION };
export const ZSTD: Readonly<Record<string, unknown>> = { 'version of zstd': ZSTD_VERSION };
