import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { defineProvisioner } from './provisioner.ts';
import { textFile } from './text-file.ts';

const word = (what: string): z.ZodString => z.string().regex(/^\S+$/, `must be ${what}, without spaces`);

const mount = z.strictObject({
  device: word('a device').describe(
    'What is mounted: `LABEL=…`, `UUID=…`, `PARTUUID=…`, a path, or a name such as `tmpfs`.',
  ),
  target: z
    .string()
    .regex(/^(\/\S*|none)$/, 'must be an absolute path, or none for swap')
    .describe('Where it is mounted; `none` for swap.'),
  fsType: word('a file system type').describe(
    'Type of the file system, e.g. `ext4`, `tmpfs`, `nfs`, `swap`.',
  ),
  options: z.array(word('a mount option')).default(['defaults']).describe('Mount options.'),
  dump: z.int().min(0).max(1).default(0).describe('Whether dump(8) saves it.'),
  pass: z
    .int()
    .min(0)
    .max(2)
    .default(0)
    .describe('Order of file system checks at boot; 0 for none, 1 for the root.'),
});

const schema = z.strictObject({
  mounts: z.array(mount).min(1).describe('Lines of /etc/fstab, in this order. They replace the whole file.'),
});

export const fstabKind = defineProvisioner({
  type: 'fstab',
  summary: 'Writes /etc/fstab.',
  description: `The root file system needs no line: the disk passes it to the kernel. The folders must exist; systemd makes
missing ones at boot.`,
  schema,
  keyVersion: 1,
  effect: () => 'write',
  entries: (options) => {
    const lines = options.mounts.map(
      ({ device, target, fsType, options: flags, dump, pass }) =>
        `${device}\t${target}\t${fsType}\t${flags.join(',')}\t${dump}\t${pass}\n`,
    );
    return Promise.resolve(ok([textFile('/etc/fstab', lines.join(''))]));
  },
  examples: {
    good: [
      {
        title: 'A data disk and a scratch space',
        options: {
          mounts: [
            { device: 'LABEL=data', target: '/srv', fsType: 'ext4', options: ['noatime', 'nofail'], pass: 2 },
            { device: 'tmpfs', target: '/var/scratch', fsType: 'tmpfs', options: ['size=1g'] },
          ],
        },
      },
    ],
    bad: [
      {
        title: 'Relative target',
        options: { mounts: [{ device: 'LABEL=data', target: 'srv', fsType: 'ext4' }] },
        error: 'absolute path',
      },
    ],
  },
});
