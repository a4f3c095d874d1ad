import * as z from 'zod';

/** SHA-256 for archives; for downloads whatever their publisher gives. */
const digest = z
  .string()
  .regex(
    /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|sha384:[0-9a-f]{96}|sha224:[0-9a-f]{56}|sha1:[0-9a-f]{40}|md5:[0-9a-f]{32})$/,
    'must be a digest: an algorithm, a colon and hexadecimal digits',
  );

const release = z.strictObject({
  uri: z.string().min(1),
  suite: z.string().min(1),
  components: z.array(z.string()),
  date: z.iso.datetime(),
  release: digest,
  content: digest,
});

/** Form of `imgpipe.lock`. */
export const lockSchema = z.strictObject({
  format: z.literal(1),
  archives: z.record(
    z.string(),
    z.strictObject({ resolved: z.iso.datetime(), releases: z.array(release).min(1) }),
  ),
});
