import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { definePostProcessor } from './post-processor.ts';

const header = () => z.string().regex(/^[\t\u0020-\u007e]*$/, 'must be one line of printable characters');

const schema = z
  .strictObject({
    to: z
      .string()
      .regex(/^(\/|\.{1,2}\/|file:\/\/\/|https?:\/\/|s3:\/\/[^/]+)/, {
        error:
          'must be a folder (`/srv/images`, `./images`), an address (`https://host/path/`) or `s3://bucket/path/`',
      })
      .describe(
        'Where the files go: a folder of this machine, relative to the template; `https://…/`, to which each file is sent by PUT under its name; or `s3://bucket/path/`.',
      ),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]+$/), header())
      .default({})
      .describe('With http: headers of each request.'),
    secretHeaders: z
      .record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string().meta({ secret: true }))
      .default({})
      .describe('With http: names of secrets by the header whose value each is, such as `Authorization`.'),
    endpoint: z.url().optional().describe('With s3: address of a server other than that of AWS.'),
    region: z.string().min(1).optional().describe('With s3: region. Default: `AWS_REGION`, else us-east-1.'),
    pathStyle: z
      .boolean()
      .default(false)
      .describe(
        'With s3: the bucket stands in the path and not in the name of the host; many servers want that.',
      ),
    accessKey: z
      .string()
      .optional()
      .describe('With s3: name of the secret with the id of the access key. Default: as with the AWS tools.')
      .meta({ secret: true }),
    secretKey: z
      .string()
      .optional()
      .describe('With s3: name of the secret with the secret access key.')
      .meta({ secret: true }),
    acl: z
      .enum(['private', 'public-read', 'authenticated-read', 'bucket-owner-full-control'])
      .optional()
      .describe('With s3: who may read the files. Default: the bucket says.'),
    always: z
      .boolean()
      .default(false)
      .describe('Sends the files in every build, also when they are unchanged.'),
  })
  .superRefine(({ to, headers, secretHeaders, accessKey, secretKey, endpoint }, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    const isS3 = to.startsWith('s3://');
    const isHttp = to.startsWith('http');
    if (!isHttp && Object.keys({ ...headers, ...secretHeaders }).length > 0)
      issue(Object.keys(headers).length > 0 ? 'headers' : 'secretHeaders', 'goes with http only');
    if (!isS3 && endpoint !== undefined) issue('endpoint', 'goes with s3 only');
    if ((accessKey === undefined) !== (secretKey === undefined))
      issue(accessKey === undefined ? 'accessKey' : 'secretKey', 'is needed beside the other one');
    if (isHttp && /^https?:\/\/[^/]*@/.test(to)) issue('to', 'must not hold a password; use `secretHeaders`');
  });
export type UploadOptions = z.output<typeof schema>;

export const uploadPostProcessor = definePostProcessor({
  type: 'upload',
  summary: 'Sends the files of the artifact to a folder, a web server or an S3 bucket.',
  description: `Everything that the artifact holds at this place of the list is sent: the image, and what post-processors before this one added
to it, such as checksums and signatures. Requests that fail for a reason that may pass are tried again. Files that have been
sent are not sent again until they or the options change; whether they are still there is not asked, except in a folder of
this machine. There holes of a disk stay holes, and a folder keeps owners, modes and times.

For S3, credentials are found as the AWS tools find them (environment, \`~/.aws\`, role of the machine), unless \`accessKey\` and
\`secretKey\` name secrets.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: false },
  examples: {
    good: [
      { title: 'To a folder', options: { to: '/srv/images' } },
      {
        title: 'To a web server',
        options: { to: 'https://images.example.org/web/', secretHeaders: { Authorization: 'upload_token' } },
      },
      {
        title: 'To a server that speaks S3',
        options: { to: 's3://images/web/', endpoint: 'https://s3.example.org', pathStyle: true },
      },
    ],
    bad: [
      { title: 'Unknown scheme', options: { to: 'ftp://host/x' }, error: 'must be a folder' },
      {
        title: 'Headers for a folder',
        options: { to: '/srv', headers: { 'X-A': 'b' } },
        error: 'goes with http only',
      },
      { title: 'Half a login', options: { to: 's3://a/', accessKey: 'id' }, error: 'is needed beside' },
    ],
  },
  secrets: ({ secretHeaders, accessKey, secretKey }) => [
    ...Object.values(secretHeaders),
    ...[accessKey, secretKey].flatMap((name) => name ?? []),
  ],
  untracked: ({ always }) => (always ? 'it was asked to send the files every time (`always`)' : undefined),
  reproducible: true,
  writes: () => [],
  run: (options, artifact, context) =>
    capture(async () => {
      if (artifact.files.length === 0) {
        const message = `the artifact ${artifact.id} has no files that could be sent`;
        throw new FailureError({ reason: 'post-failed', message });
      }
      if (options.to.startsWith('s3://')) {
        const { uploadToS3 } = await import('./upload/s3.ts');
        return await uploadToS3(options, artifact, context);
      }
      if (options.to.startsWith('http')) {
        const { uploadByPut } = await import('./upload/http.ts');
        return await uploadByPut(options, artifact, context);
      }
      const { copyToFolder } = await import('./upload/folder.ts');
      return await copyToFolder(options, artifact, context);
    }),
});
