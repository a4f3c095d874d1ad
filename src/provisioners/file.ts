import * as z from 'zod';
import { fileInputs, entriesOf } from './file/inputs.ts';
import { hostPath, imagePath, octalMode, ownerField } from '../schema/image-fields.ts';
import { defineProvisioner } from './provisioner.ts';

const SORTS = ['content', 'source', 'symlink', 'directory', 'remove'] as const;

/** Fields of one entry; `path` is required unless the step has a list. */
const entryFields = {
  path: imagePath()
    .optional()
    .describe('Where it goes in the image. A folder source puts its contents in this folder.'),
  content: z.string().optional().describe('Text of the file.'),
  source: hostPath()
    .optional()
    .describe(
      'Host file or folder to copy, relative to the template. Symbolic links inside a folder are kept.',
    ),
  symlink: z.string().min(1).optional().describe('Makes a symbolic link with this target.'),
  directory: z.literal(true).optional().describe('Makes a folder.'),
  remove: z
    .literal(true)
    .optional()
    .describe('Deletes the path, whatever it is; no error when it is not there.'),
  variables: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe(
      'Makes the content or source a template: `{{ name }}` becomes the value, `{{ "text" }}` the text itself. A name that is not here is an error.',
    ),
  mode: octalMode()
    .optional()
    .describe(
      'Mode bits in octal. Default: 0755 for folders; 0644 for files, 0755 when the source is executable. With a folder source, the mode of every file.',
    ),
  dirMode: octalMode()
    .optional()
    .describe(
      'Mode bits of the folders of a folder source. Default: existing folders stay as they are, new ones get 0755.',
    ),
  owner: ownerField().optional().describe('Owning user, by a name of the image or an id. Default: root.'),
  group: ownerField().optional().describe('Owning group, by a name of the image or an id. Default: root.'),
  exclude: z
    .array(z.string().min(1))
    .optional()
    .describe('With a folder source: glob patterns, relative to it, to leave out (`*`, `**`, `?`).'),
};

type Fields = z.output<z.ZodObject<typeof entryFields>>;

function checkEntry(entry: Fields, issue: (path: string, message: string) => void): void {
  const given = SORTS.filter((sort) => entry[sort] !== undefined);
  if (given.length !== 1) issue(given[1] ?? 'path', `needs exactly one of ${SORTS.join(', ')}`);
  if (entry.path === undefined) issue('path', 'is required');
  const sort = given[0];
  const allowed: Record<string, readonly string[]> = {
    variables: ['content', 'source'],
    mode: ['content', 'source', 'directory'],
    dirMode: ['source'],
    exclude: ['source'],
    owner: ['content', 'source', 'symlink', 'directory'],
    group: ['content', 'source', 'symlink', 'directory'],
  };
  for (const [name, sorts] of Object.entries(allowed)) {
    if (entry[name as keyof Fields] !== undefined && sort !== undefined && !sorts.includes(sort)) {
      issue(name, `has no meaning with ${sort}`);
    }
  }
}

const entry = z.strictObject(entryFields).superRefine((value, context) => {
  checkEntry(value, (path, message) => context.addIssue({ code: 'custom', path: [path], message }));
});

const schema = z
  .strictObject({
    ...entryFields,
    files: z
      .array(entry)
      .min(1)
      .optional()
      .describe('Several entries in one layer, instead of one; each with the fields above.'),
  })
  .superRefine((options, context) => {
    if (options.files === undefined) {
      checkEntry(options, (path, message) => context.addIssue({ code: 'custom', path: [path], message }));
      return;
    }
    const beside = Object.keys(options).find(
      (name) => name !== 'files' && options[name as keyof Fields] !== undefined,
    );
    if (beside !== undefined) {
      context.addIssue({ code: 'custom', path: [beside], message: 'belongs into the entries of `files`' });
    }
  });

export type FileEntryOptions = Fields;
export type FileOptions = z.output<typeof schema>;

export const fileKind = defineProvisioner({
  type: 'file',
  summary: 'Puts files, folders and links into the image.',
  description: `The layer of a \`file\` step does not depend on the steps below it: it is built once and stacked anywhere, so
changes elsewhere never rebuild it. Of the system below it uses three things only: where symbolic links on the way
lead, the attributes of folders that exist, and the ids of named owners.

Mode bits are those written here, or 0644/0755 by the executable bit of the source; the umask and owner of the host
never matter. All times become the build's SOURCE_DATE_EPOCH.`,
  schema,
  keyVersion: 1,
  effect: () => 'write',
  inputs: fileInputs,
  entries: entriesOf,
  examples: {
    good: [
      { title: 'Text in the template', options: { path: '/etc/motd', content: 'Built by imgpipe\n' } },
      {
        title: 'A folder',
        options: {
          path: '/srv/www',
          source: 'site',
          exclude: ['**/*.swp'],
          owner: 'www-data',
          group: 'www-data',
        },
      },
      {
        title: 'A template',
        options: {
          path: '/etc/app.conf',
          content: 'port = {{ port }}\n',
          variables: { port: 8080 },
          mode: '0600',
        },
      },
      {
        title: 'Several entries',
        options: {
          files: [
            { path: '/var/lib/app', directory: true, mode: '0750' },
            { path: '/usr/local/bin/app', symlink: '/opt/app/bin/app' },
            { path: '/etc/nginx/sites-enabled/default', remove: true },
          ],
        },
      },
    ],
    bad: [
      {
        title: 'Two sorts at once',
        options: { path: '/etc/motd', content: 'x', symlink: '/y' },
        error: 'exactly one of',
      },
      { title: 'Relative path', options: { path: 'etc/motd', content: 'x' }, error: 'absolute path' },
      {
        title: 'Mode as a number',
        options: { path: '/etc/motd', content: 'x', mode: 644 },
        error: 'octal digits in quotes',
      },
    ],
  },
});
