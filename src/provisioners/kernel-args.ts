import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { sha256Hex } from '../util/hash.ts';
import { fileStem } from '../schema/image-fields.ts';
import { defineProvisioner } from './provisioner.ts';
import { textFile } from './text-file.ts';

const schema = z.strictObject({
  args: z
    .array(
      z.string().regex(/^[^\s"]+("[^"\n]*")?$/, 'must be one argument without spaces, e.g. console=ttyS0'),
    )
    .min(1)
    .describe("Arguments to add to the kernel's command line."),
  file: fileStem()
    .optional()
    .describe(
      'Name of the file under /etc/kernel/cmdline.d, without `.conf`; arguments are taken in the order of these names. Default: one made from the arguments.',
    ),
});

export const kernelArgsKind = defineProvisioner({
  type: 'kernel-args',
  summary: "Adds arguments to the kernel's command line.",
  description: `Each step writes a file of its own to /etc/kernel/cmdline.d, so several steps never overwrite each other. The disk
puts them after those of its own settings.`,
  schema,
  keyVersion: 1,
  effect: () => 'write',
  entries: (options) => {
    const text = `${options.args.join(' ')}\n`;
    const file = options.file ?? `50-imgpipe-${sha256Hex(text).slice(0, 8)}`;
    return Promise.resolve(ok([textFile(`/etc/kernel/cmdline.d/${file}.conf`, text)]));
  },
  examples: {
    good: [{ title: 'Serial console', options: { args: ['console=ttyS0', 'net.ifnames=0'] } }],
    bad: [{ title: 'Two arguments in one', options: { args: ['quiet splash'] }, error: 'without spaces' }],
  },
});
