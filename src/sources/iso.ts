import * as z from 'zod';
import {
  checkMedium,
  mediumArchives,
  mediumFields,
  mediumInputs,
  mediumUntracked,
  pinnedMedium,
} from './medium/fields.ts';
import { defineSource } from './source.ts';

const schema = z
  .strictObject({
    ...mediumFields,
    kernel: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Kernel on the medium (`install.amd/vmlinuz`) to start straight away, instead of typing at the medium's boot menu.",
      ),
    initrd: z.string().min(1).optional().describe('Initial RAM disk on the medium that belongs to it.'),
    append: z
      .string()
      .default('')
      .describe(
        'Command line of that kernel. `{{ .HTTPIP }}`, `{{ .HTTPPort }}`, `{{ .Name }}` and `{{ .SSHPublicKey }}` are filled in.',
      ),
  })
  .superRefine((options, context) => {
    checkMedium(options, context);
    if (options.kernel === undefined && (options.initrd !== undefined || options.append !== ''))
      context.addIssue({
        code: 'custom',
        path: [options.initrd === undefined ? 'append' : 'initrd'],
        message: 'has no meaning without kernel',
      });
  });

export type IsoOptions = z.output<typeof schema>;

export const isoSource = defineSource({
  type: 'iso',
  summary: 'Installs a virtual machine from an installation medium.',
  description: `The builder starts the machine with an empty disk and the medium. The installer gets its answers (preseed,
autoinstall, kickstart) by the builder's \`http_directory\`, \`http_content\`, \`cd_files\` or \`floppy_files\`, and is told
of them by \`boot_command\`, or without a keyboard by \`kernel\`, \`initrd\` and \`append\`. The source is done when the
installed system lets the build log in; an SSH server of the installer itself is not taken for it.`,
  schema,
  keyVersion: 1,
  builders: ['qemu'],
  inputs: mediumInputs,
  archives: mediumArchives,
  pinned: pinnedMedium,
  untracked: mediumUntracked,
  examples: {
    good: [
      {
        title: "Debian's installer without typing",
        options: {
          path: 'debian-12-netinst.iso',
          kernel: 'install.amd/vmlinuz',
          initrd: 'install.amd/initrd.gz',
          append: 'auto=true priority=critical url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg',
        },
      },
    ],
    bad: [
      { title: 'Nothing to install from', options: {}, error: 'exactly one of path, url, urls' },
      { title: 'No kernel', options: { path: 'a.iso', append: 'auto' }, error: 'without kernel' },
    ],
  },
});
