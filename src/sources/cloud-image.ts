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

export const cloudImageSource = defineSource({
  type: 'cloud-image',
  summary: "Starts a virtual machine from a distribution's ready disk image.",
  description: `The image may be qcow2, raw, VMDK, VHDX or VDI, and compressed by gzip, xz or zstd. Unless the builder's options
say how to log in, the machine gets a NoCloud seed with a key made for the build, which cloud-init puts in its place;
the key is taken out again before the disk is finished.

A download is kept by its checksum, and one that broke off goes on where it ended.`,
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
        title: 'By address, with the checksums of its publisher',
        options: {
          url: 'https://cloud.example.org/bookworm/debian-12-genericcloud-amd64.qcow2',
          checksum: 'file:https://cloud.example.org/bookworm/SHA512SUMS',
        },
      },
      { title: 'A local file', options: { path: 'base/noble.img', checksum: 'none' } },
    ],
    bad: [
      { title: 'Nothing to start from', options: {}, error: 'exactly one of path, url, urls' },
      {
        title: 'A digest of no known length',
        options: { path: 'a.img', checksum: 'sha256:12' },
        error: 'digest',
      },
    ],
  },
});
