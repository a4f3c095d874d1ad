declare const IMGPIPE_VERSION: string | undefined;

/** The version of the package; set by the bundler. */
export const VERSION = typeof IMGPIPE_VERSION === 'string' ? IMGPIPE_VERSION : '0.0.0-source';
