import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { sha256Hex } from '../util/hash.ts';
import { fileStem } from '../schema/image-fields.ts';
import { defineProvisioner } from './provisioner.ts';
import { textFile } from './text-file.ts';

const schema = z.strictObject({
  values: z
    .record(
      z
        .string()
        .regex(
          /^-?[A-Za-z0-9_*-]+([./][A-Za-z0-9_*:-]+)+$/,
          'must be the name of a kernel setting, e.g. net.ipv4.ip_forward',
        ),
      z.union([z.string().regex(/^[^\n]*$/), z.number()]),
    )
    .refine((values) => Object.keys(values).length > 0, 'needs at least one setting')
    .describe('Kernel settings by name.'),
  file: fileStem()
    .optional()
    .describe(
      'Name of the file under /etc/sysctl.d, without `.conf`; later names win. Default: one made from the values.',
    ),
});

export const sysctlKind = defineProvisioner({
  type: 'sysctl',
  summary: 'Sets kernel parameters at boot.',
  schema,
  keyVersion: 1,
  effect: () => 'write',
  entries: (options) => {
    const lines = Object.entries(options.values).map(([name, value]) => `${name} = ${value}\n`);
    const text = lines.toSorted().join('');
    const file = options.file ?? `60-imgpipe-${sha256Hex(text).slice(0, 8)}`;
    return Promise.resolve(ok([textFile(`/etc/sysctl.d/${file}.conf`, text)]));
  },
  examples: {
    good: [{ title: 'Forwarding', options: { values: { 'net.ipv4.ip_forward': 1 } } }],
    bad: [{ title: 'Not a setting', options: { values: { forwarding: 1 } }, error: 'kernel setting' }],
  },
});
