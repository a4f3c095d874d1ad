import * as z from 'zod';
import { fileStem, hostPath, imagePath } from '../schema/image-fields.ts';
import { MANAGER_NAMES } from './package/manager-names.ts';
import { growingList, installsFromArchive, packageArchives, packageInputs } from './package/inputs.ts';
import { defineProvisioner } from './provisioner.ts';

const packageName = (): z.ZodString =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._:@/~-]*$/, 'must be a package name');

const wanted = z.union([
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9+._:@/~-]*(=\S+)?$/, 'must be a package name, or name=version')
    .describe('A package, or `name=version`.'),
  z.strictObject({
    name: packageName().describe('The package.'),
    version: z
      .string()
      .min(1)
      .optional()
      .describe('Exact version, or with `*` at its end the newest that matches.'),
  }),
]);

const repository = z
  .strictObject({
    name: fileStem().describe('Name of the files under /etc.'),
    uris: z.array(z.url()).min(1).describe('Addresses of the archive.'),
    suites: z
      .array(z.string().min(1))
      .min(1)
      .describe('Suites, e.g. `bookworm`; one that ends in `/` is a flat folder.'),
    components: z
      .array(z.string().min(1))
      .default(['main'])
      .describe('Components; not used with a flat folder.'),
    architectures: z
      .array(z.string().min(1))
      .optional()
      .describe('Architectures to read; default: that of the image.'),
    key: hostPath()
      .optional()
      .describe('Host file with the public key (ASCII armour or binary) that signs the archive.'),
    keyring: imagePath().optional().describe('Keyring that is in the image already, instead of `key`.'),
  })
  .refine((value) => value.key === undefined || value.keyring === undefined, {
    path: ['keyring'],
    message: 'needs either key or keyring, not both',
  });

const preference = z.strictObject({
  package: z.string().min(1).describe('Package name or pattern, e.g. `nginx*`.'),
  pin: z.string().min(1).describe('What is meant, e.g. `release a=bookworm-backports` or `version 1.22.*`.'),
  priority: z.int().describe('Priority: above 1000 also downgrades, below 0 never installs.'),
});

const answer = z.strictObject({
  package: packageName().describe('Package that asks.'),
  question: z.string().min(1).describe('Name of the question, e.g. `tzdata/Areas`.'),
  type: z.string().min(1).describe('Its type: string, boolean, select …'),
  value: z.string().describe('The answer.'),
});

const schema = z
  .strictObject({
    install: z.array(wanted).default([]).describe('Packages to install.'),
    remove: z.array(packageName()).default([]).describe('Packages to remove; their configuration stays.'),
    purge: z
      .array(packageName())
      .default([])
      .describe('Packages to remove together with their configuration.'),
    autoremove: z.boolean().default(false).describe('Also removes packages that nothing needs any more.'),
    upgrade: z
      .boolean()
      .default(false)
      .describe('Brings all installed packages to their newest versions first.'),
    update: z
      .boolean()
      .default(true)
      .describe('Refreshes the package index first; off only when nothing is downloaded.'),
    recommends: z
      .boolean()
      .default(false)
      .describe('Also installs recommended packages. Off, as mkosi and most container images do.'),
    targetRelease: z.string().min(1).optional().describe('Prefers this release, e.g. `bookworm-backports`.'),
    hold: z.array(packageName()).default([]).describe('Packages that later upgrades leave alone.'),
    repositories: z
      .array(repository)
      .default([])
      .describe('Further archives; they stay configured in the image.'),
    preferences: z
      .array(preference)
      .default([])
      .describe('Which version wins when several archives have one (apt preferences).'),
    debconf: z
      .array(answer)
      .default([])
      .describe('Answers to the questions that packages ask while they install.'),
    manager: z
      .enum(['auto', ...MANAGER_NAMES])
      .default('auto')
      .describe("Package manager; `auto` takes that of the image's /etc/os-release."),
  })
  .refine(
    (options) =>
      options.upgrade ||
      options.autoremove ||
      [
        options.install,
        options.remove,
        options.purge,
        options.hold,
        options.repositories,
        options.preferences,
        options.debconf,
      ].some((list) => list.length > 0),
    { path: ['install'], message: 'the step does nothing: name packages to install, remove or purge' },
  );

export type PackageOptions = z.output<typeof schema>;

export const packageKind = defineProvisioner({
  type: 'package',
  summary: 'Installs and removes packages.',
  description: `The index is refreshed and the packages are installed in one step, so a layer never holds an index of another day.
Downloads and the index are kept between runs in the store and never enter a layer. Configuration files that a
package brings never overwrite changed ones. No service starts.`,
  schema,
  keyVersion: 2,
  effect: () => 'run',
  inputs: packageInputs,
  archives: packageArchives,
  readsArchives: installsFromArchive,
  grow: { option: 'install', list: growingList },
  run: async (options, machine, context) => {
    const { runPackageStep } = await import('./package/run.ts');
    return await runPackageStep(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Packages', options: { install: ['nginx-light', 'curl'] } },
      {
        title: 'A pinned version',
        options: { install: [{ name: 'nginx', version: '1.22.*' }], hold: ['nginx'] },
      },
      {
        title: 'Another archive with its key',
        options: {
          repositories: [
            {
              name: 'vendor',
              uris: ['https://packages.example.org/debian'],
              suites: ['stable'],
              key: 'keys/vendor.asc',
            },
          ],
          install: ['vendor-agent'],
        },
      },
      { title: 'Removing', options: { purge: ['installation-report'], autoremove: true } },
    ],
    bad: [
      { title: 'Nothing to do', options: {}, error: 'does nothing' },
      { title: 'Not a package name', options: { install: ['two words'] }, error: 'package name' },
    ],
  },
});
