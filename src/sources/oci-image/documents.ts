import * as z from 'zod';

/** Documents of the OCI image specification 1.1, and of `docker save`; only what is used, the rest passes unseen. */

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });

export const descriptorSchema = z.object({
  mediaType: z.string().optional(),
  digest: sha256,
  size: z.number().optional(),
  platform: platform.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Descriptor = z.output<typeof descriptorSchema>;

export const indexSchema = z.object({ manifests: z.array(descriptorSchema) });

export const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema) });

export const configSchema = z.object({
  architecture: z.string().optional(),
  variant: z.string().optional(),
  os: z.string().optional(),
  rootfs: z.object({ diff_ids: z.array(sha256) }),
});

/** manifest.json of `docker save`. */
export const dockerManifestSchema = z.array(
  z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish(), Layers: z.array(z.string()) }),
);
export type DockerImage = z.output<typeof dockerManifestSchema>[number];
