import path from 'node:path';
import * as z from 'zod';
import { type PackerComponent, isSet, listOption, textOption } from './component.ts';
import { duration, flag, text, textList } from './fields.ts';

export const FILE_SCHEMA = z.object({
  content: text('What to write.'),
  source: text('File or folder to copy.'),
  sources: textList('Files and folders to copy.'),
  destination: text('Where to copy to.'),
  direction: text('upload or download; upload when left out.'),
  generated: flag('The source is made during the build: do not look for it before.'),
});

export const fileProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'file',
  summary: 'Copies files into the machine or out of it',
  schema: FILE_SCHEMA,
  check: (options, world) => {
    const errors: string[] = [];
    const direction = textOption(options, 'direction') || 'upload';
    if (direction !== 'upload' && direction !== 'download') {
      errors.push('Direction must be one of: download, upload.');
    }
    const single = textOption(options, 'source');
    const sources = [...listOption(options, 'sources'), ...(single === '' ? [] : [single])];
    if (direction === 'upload' && !isSet(options, 'generated')) {
      for (const source of sources) {
        if (world.files.kind(path.resolve(world.workingDirectory, source)) === undefined) {
          errors.push(`Bad source '${source}': stat ${source}: no such file or directory`);
        }
      }
    }
    if (sources.length > 0 && isSet(options, 'content')) errors.push('source(s) conflicts with content.');
    if (!isSet(options, 'destination')) errors.push('Destination must be specified.');
    return { errors };
  },
};

export const BREAKPOINT_SCHEMA = z.object({
  note: text('What to tell the user.'),
  disable: flag('Go on without waiting.'),
});

export const breakpointProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'breakpoint',
  summary: 'Waits for the user',
  schema: BREAKPOINT_SCHEMA,
  check: () => ({ errors: [] }),
};

export const SLEEP_SCHEMA = z.object({ duration: duration('How long to wait.') });

export const sleepProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'sleep',
  summary: 'Waits for a time',
  schema: SLEEP_SCHEMA,
  check: () => ({ errors: [] }),
};

export const SBOM_SCHEMA = z.object({
  source: text('Path of the bill of materials in the machine.'),
  auto_generate: flag('Make the bill of materials.'),
  destination: text(
    'Where to keep it on this host: a file, or a folder when that exists or the path ends with a slash.',
  ),
  sbom_name: text('Name under which HCP Packer would keep it; nothing is sent.'),
  scanner_args: textList(
    'Arguments of the scanner: of these, `-o spdx-json` chooses the form; else it is CycloneDX.',
  ),
  scanner_url: text('Where the scanner was fetched from; no longer used.'),
  scanner_checksum: text('Checksum of the scanner; no longer used.'),
  scan_path: text('Root of the system to look at. Default: `/`.'),
  execute_command: text('Command that would run the scanner: not needed.', 'raw'),
  elevated_user: text('User in whose name the scanner would run: not needed.'),
  elevated_password: text('Password of that user.'),
});

export const sbomProvisioner: PackerComponent = {
  role: 'provisioner',
  type: 'hcp-sbom',
  summary: 'Keeps a bill of materials of the machine',
  schema: SBOM_SCHEMA,
  check: (options) => {
    const errors: string[] = [];
    const [source, generate] = [isSet(options, 'source'), isSet(options, 'auto_generate')];
    if (source && generate) {
      errors.push(
        'source and auto_generate are mutually exclusive; use either source for pre-generated SBOMs or auto_generate to create them',
      );
    }
    if (!source && !generate) errors.push('source must be specified when auto_generate is not enabled');
    if (isSet(options, 'scanner_checksum') && !isSet(options, 'scanner_url')) {
      errors.push(
        'scanner_checksum requires scanner_url to be specified (note: both fields are deprecated and ignored)',
      );
    }
    if (isSet(options, 'elevated_password') && !isSet(options, 'elevated_user')) {
      errors.push('elevated_user must be specified if elevated_password is provided');
    }
    const name = textOption(options, 'sbom_name');
    if (name !== '' && name !== '<unknown>' && !/^[a-zA-Z0-9-]{3,36}$/.test(name)) {
      errors.push(
        `\`sbom_name\` "${name}" doesn't match the expected format, it must contain between 3 and 36 ASCII letters, numbers and hyphens`,
      );
    }
    return { errors };
  },
};
