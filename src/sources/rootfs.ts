import * as z from 'zod';
import { hostPath } from '../schema/image-fields.ts';
import { defineSource } from './source.ts';

const schema = z.strictObject({
  path: hostPath().describe(
    'Tar of a root file system, relative to the template: plain, or compressed by gzip, xz or zstd.',
  ),
  stripComponents: z
    .int()
    .min(0)
    .default(0)
    .describe('Leading folders to take off every name, when the tree lies in a folder of the tar.'),
});

export type RootfsOptions = z.output<typeof schema>;

export const rootfsSource = defineSource({
  type: 'rootfs',
  summary: 'Starts from a tar of a root file system.',
  description: `The layer depends on the tar's content, not its name. Owners are taken by number; extended attributes, file
capabilities and hard links are kept; device nodes are left out, as /dev is the running kernel's. A tar whose entries
would land outside the tree is refused.`,
  schema,
  keyVersion: 1,
  tools: ['tar'],
  inputs: (options, context) => [
    { path: context.resolvePath(options.path), type: 'file', option: 'path', modes: false },
  ],
  produce: async (options, context) => {
    const { produceRootfs } = await import('./tar/rootfs.ts');
    return await produceRootfs(options, context);
  },
  examples: {
    good: [{ title: 'A compressed tar', options: { path: 'base/rootfs.tar.zst' } }],
    bad: [{ title: 'No path', options: {}, error: 'is missing' }],
  },
});
