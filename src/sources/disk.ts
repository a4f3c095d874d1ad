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

const schema = z.strictObject(mediumFields).superRefine(checkMedium);

export const diskSource = defineSource({
  type: 'disk',
  summary: 'Starts a virtual machine from the disk of an installed system.',
  description: `The file may be qcow2, raw, VMDK, VHDX or VDI, and compressed by gzip, xz or zstd; it is never changed. The
builder's options must say how to log in (\`ssh_username\` with \`ssh_password\` or \`ssh_private_key_file\`), unless the system
takes a key by cloud-init or systemd's credentials.`,
  schema,
  keyVersion: 1,
  builders: ['qemu'],
  inputs: mediumInputs,
  archives: mediumArchives,
  pinned: pinnedMedium,
  untracked: mediumUntracked,
  examples: {
    good: [{ title: 'A file of an earlier build', options: { path: 'output/base.qcow2' } }],
    bad: [
      { title: 'Two of them', options: { path: 'a.raw', url: 'https://x.org/b' }, error: 'exactly one of' },
    ],
  },
});
