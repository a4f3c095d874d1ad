/** The version of Packer whose templates and command line this entry point understands. */
export const PACKER_VERSION = '1.16.0';
