import * as z from 'zod';

/** Name of one file beside the image: no folders, nothing hidden. */
export const fileName = () =>
  z
    .string()
    .max(200)
    .regex(
      /^[A-Za-z0-9@][A-Za-z0-9@._,+=~-]*$/,
      'must be a file name of letters, digits and .,_+=~@-, beginning with a letter or digit',
    );
