import * as z from 'zod';
import { text, textList, textMap } from './fields.ts';

/** Options of a `hcp_packer_registry` block: read and checked for the sake of templates that have one. */
export const REGISTRY_SCHEMA = z.object({
  bucket_name: text('Name of the bucket.'),
  description: text('What the bucket holds.'),
  labels: textMap('Older name of bucket_labels.'),
  bucket_labels: textMap('Labels of the bucket.'),
  build_labels: textMap('Labels of each build.'),
  channels: textList('Channels to assign.'),
});
