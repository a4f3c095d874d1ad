import * as z from 'zod';
import { hostPath } from '../schema/image-fields.ts';
import { bootstrapArchives, SNAPSHOT_PLACEHOLDER } from './bootstrap/references.ts';
import { VARIANTS } from './bootstrap/variants.ts';
import { defineSource } from './source.ts';

const schema = z
  .strictObject({
    suite: z
      .string()
      .regex(/^[a-z][a-z0-9-]*$/, 'must be the name of a release, e.g. bookworm or noble')
      .describe('Release to install, e.g. `bookworm` (Debian) or `noble` (Ubuntu).'),
    distribution: z
      .enum(['auto', 'debian', 'ubuntu'])
      .default('auto')
      .describe('Whose release it is; `auto` knows the releases of both.'),
    mirrors: z
      .array(
        z.union([z.url(), z.string().regex(/^deb(-src)? /, 'must be an address or a line of sources.list')]),
      )
      .min(1)
      .optional()
      .describe(
        "Addresses of the archive, or whole lines of sources.list; `{snapshot}` in them stands for the option of that name. Default: what the host's own apt uses for this release, with its updates and security suites, else mmdebstrap's own.",
      ),
    snapshot: z
      .string()
      .regex(/^[0-9]{8}T[0-9]{6}Z$/, 'must be a time such as 20250520T000000Z')
      .optional()
      .describe(
        'State of a snapshot archive, which keeps every state there was: its time as the archive writes it, put in the place of `{snapshot}` in `mirrors`. That its index is past its date is then no error.',
      ),
    variant: z
      .enum(VARIANTS)
      .default('minbase')
      .describe(
        'Which packages: `minbase` (essential and apt), `important`, `standard`, `buildd`, `essential`, `apt`.',
      ),
    components: z
      .array(z.string().regex(/^[a-z0-9/-]+$/))
      .min(1)
      .default(['main'])
      .describe('Components of the archive.'),
    packages: z
      .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]*(=\S+)?$/, 'must be a package name, or name=version'))
      .default([])
      .describe('Further packages for the base. A `package` step does the same in a layer of its own.'),
    keyring: hostPath()
      .optional()
      .describe(
        "Host file with the public keys that sign the archive. It is put into the image. Default: the distribution's, as the host has it.",
      ),
  })
  .refine((value) => value.snapshot === undefined || hasPlaceholder(value.mirrors), {
    path: ['snapshot'],
    message: `needs \`mirrors\` with ${SNAPSHOT_PLACEHOLDER} in them`,
  })
  .refine((value) => value.snapshot !== undefined || !hasPlaceholder(value.mirrors), {
    path: ['mirrors'],
    message: `${SNAPSHOT_PLACEHOLDER} needs the option \`snapshot\``,
  });

function hasPlaceholder(mirrors: readonly string[] | undefined): boolean {
  return mirrors?.some((mirror) => mirror.includes(SNAPSHOT_PLACEHOLDER)) === true;
}

export type BootstrapOptions = z.output<typeof schema>;

export const bootstrapSource = defineSource({
  type: 'bootstrap',
  summary: 'Installs Debian or Ubuntu from its archive with mmdebstrap.',
  description: `The same archive gives the same bytes, as root and as an ordinary user. Downloads are kept between runs.

The image's /etc/apt/sources.list names the archive that was used. The host's proxy settings for apt are used for the
download and do not enter the image.`,
  schema,
  keyVersion: 2,
  archives: bootstrapArchives,
  tools: ['mmdebstrap', 'apt-get', 'dpkg', 'tar'],
  inputs: (options, context) =>
    options.keyring === undefined
      ? []
      : [{ path: context.resolvePath(options.keyring), type: 'file', option: 'keyring', modes: false }],
  produce: async (options, context) => {
    const { produceBootstrap } = await import('./bootstrap/produce.ts');
    return await produceBootstrap(options, context);
  },
  examples: {
    good: [
      { title: 'Debian', options: { suite: 'bookworm' } },
      {
        title: 'Ubuntu from a mirror',
        options: {
          suite: 'noble',
          mirrors: ['http://archive.example.org/ubuntu'],
          components: ['main', 'universe'],
        },
      },
      {
        title: 'One state of a snapshot archive',
        options: {
          suite: 'bookworm',
          mirrors: ['http://snapshot.example.org/archive/debian/{snapshot}'],
          snapshot: '20250520T000000Z',
        },
      },
    ],
    bad: [
      {
        title: 'A snapshot of no mirror',
        options: { suite: 'bookworm', snapshot: '20250520T000000Z' },
        error: '{snapshot}',
      },
      { title: 'No suite', options: {}, error: 'is missing' },
      { title: 'Not a release', options: { suite: 'Debian 12' }, error: 'name of a release' },
    ],
  },
});
