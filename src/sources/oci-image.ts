import * as z from 'zod';
import { hostPath } from '../schema/image-fields.ts';
import { defineSource } from './source.ts';

const schema = z.strictObject({
  path: hostPath().describe(
    'OCI image layout (folder, or tar of one) or archive of `docker save`, relative to the template.',
  ),
  tag: z
    .string()
    .min(1)
    .optional()
    .describe('Which image, by tag or full reference, when the file holds several.'),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits')
    .optional()
    .describe('Which image, by the digest of its manifest or index.'),
});

export type OciImageOptions = z.output<typeof schema>;

export const ociImageSource = defineSource({
  type: 'oci-image',
  summary: 'Starts from the layers of a container image on disk.',
  description: `The image for the pipeline's architecture is chosen and its layers are merged to one. Every blob is checked against
its digest. The image's own settings (environment, user, command) have no meaning on a machine and are ignored.`,
  schema,
  keyVersion: 1,
  tools: ['tar'],
  inputs: (options, context) => [
    { path: context.resolvePath(options.path), type: 'any', option: 'path', modes: false, links: 'followed' },
  ],
  produce: async (options, context) => {
    const { produceOciImage } = await import('./oci-image/produce.ts');
    return await produceOciImage(options, context);
  },
  examples: {
    good: [
      { title: 'The only image of a layout', options: { path: 'images/base' } },
      { title: 'One of several', options: { path: 'images/saved.tar', tag: 'debian:bookworm-slim' } },
    ],
    bad: [
      { title: 'Not a digest', options: { path: 'images/base', digest: 'latest' }, error: '64 hex digits' },
    ],
  },
});
