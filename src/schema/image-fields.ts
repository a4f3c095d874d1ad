import * as z from 'zod';
import type { Owner } from '../model/tree-entry.ts';

/** An absolute path inside the image. */
export const imagePath = (): z.ZodString =>
  z
    .string()
    .regex(
      /^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0]*$/,
      'must be an absolute path in the image, without "." or ".." parts',
    );

/**
 * Mode bits as octal text. Numbers are refused: YAML reads an unquoted 0644 as six hundred and forty-four.
 */
export const octalMode = (): z.ZodString =>
  z
    .string({ error: 'must be octal digits in quotes, such as "0644"' })
    .regex(/^0?[0-7]{3,4}$/, 'must be octal digits in quotes, such as "0644"');

export const parseMode = (mode: string): number => Number.parseInt(mode, 8);

/** A user or group: name or numeric id. */
export const ownerField = (): z.ZodUnion<[z.ZodString, z.ZodInt]> =>
  z.union([
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, 'must be a user or group name, or a numeric id'),
    z.int().min(0).max(4_294_967_294),
  ]);

/** `root` is 0 everywhere, also in images without /etc/passwd. */
export const ownerOf = (owner: Owner | undefined): Owner =>
  owner === undefined || owner === 'root' ? 0 : owner;

/** A host path as written in a template; its content is in the key, not its name. */
export const hostPath = (): z.ZodString => z.string().min(1).meta({ key: 'content' });

/** A unique name used in file names under /etc (`repositories`, unit names have rules of their own). */
export const fileStem = (): z.ZodString =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must be letters, digits, dots, dashes and underscores');

/** An environment variable's name. */
export const environmentName = (): z.ZodString =>
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');
