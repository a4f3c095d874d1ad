import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import { SBOM_SCHEMA, sbomProvisioner } from '../../template/packer-kinds/other-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, OPTIONS_ONLY, reportErrors } from './build-fields.ts';

const schema = z
  .strictObject({ ...SBOM_SCHEMA.shape, ...BUILD_FIELDS })
  .superRefine((options, context) =>
    reportErrors(sbomProvisioner.check(options, OPTIONS_ONLY).errors, context),
  );

export type PackerSbomOptions = z.output<typeof schema>;

export const packerSbomKind = defineProvisioner({
  type: 'packer-hcp-sbom',
  summary: 'Keeps a bill of materials of the machine, in the place of the hcp-sbom provisioner of Packer.',
  description: `With \`source\` the machine has one already: it is checked and copied to \`destination\`. With \`auto_generate\` it is made of
the machine's own list of packages (dpkg, apk), which are read from here: no scanner is fetched and none runs in the
machine. Nothing is sent to HCP Packer. What goes wrong does not end the build, as with Packer.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  reach: () => 'reads',
  untracked: () => 'it writes files of this host',
  secrets: lateSecrets,
  run: async (options, machine, context) => {
    const { runPackerSbom } = await import('./run-hcp-sbom.ts');
    return await runPackerSbom(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Made here', options: { auto_generate: true, destination: 'sbom/web.json' } },
      {
        title: 'As SPDX',
        options: { auto_generate: true, scanner_args: ['-o', 'spdx-json'], destination: 'sbom/web.json' },
      },
      { title: 'One that the machine has', options: { source: '/tmp/sbom.json', destination: 'sbom/' } },
    ],
    bad: [{ title: 'Neither', options: { destination: 'x' }, error: 'source must be specified' }],
  },
});
