import { basename } from 'node:path';
import * as z from 'zod';
import type { ArchiveReference, LockedArchive } from '../../model/archive.ts';
import type { HostInput } from '../../model/host-input.ts';
import type { StepContext } from '../../model/step-context.ts';
import { hostPath } from '../../schema/image-fields.ts';
import { parseChecksum } from './checksum.ts';
import { isAddress } from './listed-digest.ts';

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
      'Digest of the file: `sha256:HEX`, `sha512:HEX`, `sha1:HEX`, `md5:HEX`, HEX alone, `file:ADDRESS` of a list such as SHA256SUMS (a path, or a URL: then what it says is written into `imgpipe.lock`), or `none`. What is downloaded without one is made anew in every run.',
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
  if (options.path !== undefined)
    return [{ path: context.resolvePath(options.path), type: 'file', option: 'path', modes: false }];
  const list = listOf(options);
  if (list === undefined || isAddress(list)) return [];
  // The names decide which of its lines counts.
  const option = `checksum of ${fileNames(options).join(', ')}`;
  return [{ path: context.resolvePath(list), type: 'file', option, modes: false }];
}

/** What the publisher's list says of the file: looked up once and locked, as the state of an archive is. */
export function mediumArchives(
  options: MediumOptions,
  { architecture }: StepContext,
): readonly ArchiveReference[] {
  const list = options.path === undefined ? listOf(options) : undefined;
  if (list === undefined || !isAddress(list)) return [];
  const names = fileNames(options);
  return [
    {
      name: `${names.join(', ')} of ${list}`,
      wanted: { type: 'checksum', checksum: { list, names } },
      architecture,
    },
  ];
}

/** The options with the digest that the lock has in the place of the list. */
export function pinnedMedium<Options extends MediumOptions>(
  options: Options,
  locked: readonly LockedArchive[],
): Options {
  const digest = locked[0]?.releases[0]?.content ?? '';
  return parseChecksum(digest)?.type === 'digest' ? { ...options, checksum: digest } : options;
}

/** Path or address of the list of checksums, if one is named. */
function listOf({ checksum }: MediumOptions): string | undefined {
  const parsed = checksum === undefined ? undefined : parseChecksum(checksum);
  return parsed?.type === 'list' ? parsed.address : undefined;
}

/** Names of the file at its addresses. */
function fileNames({ url, urls = [] }: MediumOptions): string[] {
  const addresses = url === undefined ? urls : [url];
  return [...new Set(addresses.map((address) => basename(address.replace(/[?#].*$/, ''))))];
}

/** Why a medium's content is not known beforehand. */
export function mediumUntracked(options: MediumOptions): string | undefined {
  if (options.path !== undefined) return undefined;
  const pinned = options.checksum !== undefined && options.checksum !== 'none';
  return pinned ? undefined : 'it downloads a file whose content no checksum names';
}
