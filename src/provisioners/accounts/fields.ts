import * as z from 'zod';

/** A name that useradd and groupadd accept (adduser's NAME_REGEX for system accounts). */
export const accountName = (): z.ZodString =>
  z
    .string()
    .regex(
      /^[a-z_][a-z0-9_-]{0,30}\$?$/,
      'must be an account name: lower-case letters, digits, "_" and "-", at most 32 characters',
    );

export const accountId = (): z.ZodInt => z.int().min(0).max(4_294_967_294);
