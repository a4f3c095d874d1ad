import * as z from 'zod';
import type { HostInput } from '../../model/host-input.ts';
import { lateSecrets } from '../../model/late-value.ts';
import { fileProvisioner, FILE_SCHEMA } from '../../template/packer-kinds/other-provisioners.ts';
import { defineProvisioner, type StepContext } from '../provisioner.ts';
import { renderedAnew } from './rendered-anew.ts';
import { BUILD_FIELDS, contentPath, contentPaths, OPTIONS_ONLY, reportErrors } from './build-fields.ts';

const schema = z
  .strictObject({
    ...FILE_SCHEMA.shape,
    source: contentPath('File or folder to copy; a folder with a slash at its end stands for what is in it.'),
    sources: contentPaths('Files and folders to copy.'),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) =>
    reportErrors(fileProvisioner.check(options, OPTIONS_ONLY).errors, context),
  );

export type PackerFileOptions = z.output<typeof schema>;

/** The paths that are copied, in Packer's order. */
export const sourcesOf = ({ source, sources = [] }: PackerFileOptions): readonly string[] =>
  source === undefined || source === '' ? sources : [...sources, source];

function inputs(options: PackerFileOptions, context: StepContext): readonly HostInput[] {
  if (options.direction === 'download') return [];
  // With `generated` a file may come to be while the build runs: it is copied as it is then.
  if (options.generated === true) return [];
  return sourcesOf(options).map((source, index) => ({
    path: context.resolvePath(source),
    type: 'any',
    option: source === options.source ? 'source' : `sources[${index}]`,
    modes: 'all',
  }));
}

export const packerFileKind = defineProvisioner({
  type: 'packer-file',
  summary: 'Copies files into the machine or out of it exactly as the file provisioner of Packer does.',
  description: `Whether a path ends with a slash decides, as in Packer: a destination with one is a folder for the file, a source folder
without one comes as a whole. In templates of our own \`file\` does more with less.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  reach: (options) => (options.direction === 'download' ? 'reads' : 'machine'),
  inputs,
  secrets: lateSecrets,
  untracked: (options) => {
    if (options.direction === 'download') return 'it writes files of this host';
    if (options.generated === true) return 'its source is made while the build runs';
    // The content itself is copied as it is.
    return renderedAnew({ ...options, content: '' });
  },
  run: async (options, machine, context) => {
    const { runPackerFile } = await import('./run-file.ts');
    return await runPackerFile(options, machine, context);
  },
  examples: {
    good: [
      { title: 'A file', options: { source: 'app.conf', destination: '/tmp/app.conf' } },
      { title: 'What is in a folder', options: { source: 'site/', destination: '/srv/site' } },
      { title: 'A text', options: { content: 'hello\n', destination: '/tmp/greeting' } },
      {
        title: 'Out of the machine',
        options: { source: '/var/log/dpkg.log', destination: 'logs/', direction: 'download' },
      },
    ],
    bad: [
      { title: 'No destination', options: { source: 'a' }, error: 'Destination must be specified.' },
      {
        title: 'Two sources',
        options: { source: 'a', content: 'b', destination: '/c' },
        error: 'source(s) conflicts with content.',
      },
    ],
  },
});
