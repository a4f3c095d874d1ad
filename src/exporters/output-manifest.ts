import * as z from 'zod';

/** Version of the format of `manifest.json`. */
export const MANIFEST_VERSION = 1;

const artifact = z.object({
  name: z
    .string()
    .describe('Name of the export in the template; with that of the post-processor where one made it.'),
  type: z.string().describe('Kind of the export or post-processor, e.g. `qcow2`.'),
  file: z.string().describe('File name in this folder.'),
  folder: z.literal(true).optional().describe('It is a folder.'),
  size: z.int().describe('Size in bytes, holes included.'),
  sha256: z.string().describe('SHA-256 of the file; of a folder, of its listing.'),
  reproducible: z.boolean().describe('Whether the same template, inputs and lock give the same bytes again.'),
  key: z.string().describe('Cache key of the export: same key, same inputs.'),
});

/** What `manifest.json` in a pipeline's output folder holds. No field tells the time or the host: same build, same bytes. */
export const outputManifestSchema = z.object({
  manifestVersion: z.literal(MANIFEST_VERSION),
  createdBy: z.object({ name: z.literal('imgpipe'), version: z.string() }),
  pipeline: z.string().describe('Id of the pipeline.'),
  architecture: z.string().describe("Architecture by Debian's name."),
  sourceDateEpoch: z.int().describe('Seconds since 1970 to which times in the image are clamped.'),
  layers: z
    .array(z.object({ name: z.string(), digest: z.string(), size: z.int(), entries: z.int() }))
    .describe('Layers of the image, bottom first, with the step that made each.'),
  diskKey: z.string().optional().describe('Key of the raw disk that the exports were made from.'),
  artifacts: z.array(artifact),
});

export type OutputManifest = z.output<typeof outputManifestSchema>;
export type OutputArtifact = z.output<typeof artifact>;
