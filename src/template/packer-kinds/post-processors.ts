import * as z from 'zod';
import { type PackerComponent, isSet, listOption } from './component.ts';
import { flag, text, textList, textMap, whole } from './fields.ts';
import { SHELL_LOCAL_SCHEMA, checkShellLocal } from './shell-provisioners.ts';

export const shellLocalPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'shell-local',
  summary: 'Runs shell scripts on this machine',
  schema: SHELL_LOCAL_SCHEMA,
  check: checkShellLocal,
};

export const artificePostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'artifice',
  summary: 'Puts other files in the place of the artifact',
  schema: z.object({
    files: textList('Files, or patterns of files, that the artifact consists of from now on.'),
  }),
  check: (options) => ({
    errors: isSet(options, 'files') ? [] : ['No files specified in artifice configuration'],
    givesUp: true,
  }),
};

const CHECKSUMS = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

export const checksumPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'checksum',
  summary: 'Writes checksums of the files',
  schema: z.object({
    checksum_types: textList('Kinds of checksums; md5 when left out.'),
    output: text('File to write to.', 'raw'),
  }),
  check: (options) => ({
    errors: listOption(options, 'checksum_types')
      .filter((type) => !CHECKSUMS.includes(type) && type !== '<unknown>')
      .map((type) => `Unrecognized checksum type: ${type}`),
  }),
};

export const compressPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'compress',
  summary: 'Packs the files into an archive',
  schema: z.object({
    output: text('Archive to write; its ending names the format.', 'raw'),
    format: text('Format when the name does not tell it.'),
    compression_level: whole('From -1 for the default of the format to 9, or more, for the smallest file.'),
  }),
  // Levels are looked at when it runs: what is over 9 counts as 9.
  check: () => ({ errors: [] }),
};

export const manifestPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'manifest',
  summary: 'Keeps a list of what was built',
  schema: z.object({
    output: text('File to write; packer-manifest.json when left out.'),
    strip_path: flag('Keep names of files without their folders.'),
    strip_time: flag('Leave the time of the build out.'),
    custom_data: textMap('Further values to keep.'),
  }),
  check: () => ({ errors: [] }),
};
