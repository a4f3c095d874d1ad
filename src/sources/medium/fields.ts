import * as z from 'zod';
import type { HostInput } from '../../model/host-input.ts';
import type { StepContext } from '../../model/step-context.ts';
import { hostPath } from '../../schema/image-fields.ts';
import { parseChecksum } from './checksum.ts';

/** Where a disk or installation medium comes from: a file here, or an address. */
export const mediumFields = {
  path: hostPath()
    .optional()
    .describe('File on this host, relative to the template. Its content is part of the key.'),
  url: z
    .string()
    .regex(/^(https?|file):\/\//, 'must begin with https://, http:// or file://')
    .optional()
    .describe('Address to download it from.'),
  urls: z
    .array(z.string().regex(/^(https?|file):\/\//, 'must begin with https://, http:// or file://'))
    .min(1)
    .optional()
    .meta({ key: 'out' })
    .describe('Several addresses of the same file, tried in turn.'),
  checksum: z
    .string()
    .refine((text) => parseChecksum(text) !== undefined, {
      message: 'must be a digest such as sha256:0123…, file:ADDRESS of a list of digests, or none',
    })
    .optional()
    .describe(
      'Digest of the file: `sha256:HEX`, `sha512:HEX`, `sha1:HEX`, `md5:HEX`, HEX alone, `file:ADDRESS` of a list such as SHA256SUMS (a path or URL), or `none`. What is downloaded without one is made anew in every run.',
    ),
};

const medium = z.object(mediumFields);
export type MediumOptions = z.output<typeof medium>;

/** Exactly one way to the file; for `superRefine` of schemas with these fields. */
export function checkMedium(options: MediumOptions, context: z.RefinementCtx): void {
  const given = (['path', 'url', 'urls'] as const).filter((name) => options[name] !== undefined);
  if (given.length === 1) return;
  context.addIssue({
    code: 'custom',
    path: [given[1] ?? 'path'],
    message: 'needs exactly one of path, url, urls',
  });
}

export function mediumInputs(options: MediumOptions, context: StepContext): HostInput[] {
  if (options.path === undefined) return [];
  return [{ path: context.resolvePath(options.path), type: 'file', option: 'path', modes: false }];
}

/** Why a medium's content is not known beforehand. */
export function mediumUntracked(options: MediumOptions): string | undefined {
  if (options.path !== undefined) return undefined;
  const pinned = options.checksum !== undefined && options.checksum !== 'none';
  return pinned ? undefined : 'it downloads a file whose content no checksum names';
}
