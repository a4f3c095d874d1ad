import { createReadStream } from 'node:fs';
import { FailureError } from '../../diagnostics/failure.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { PostContext } from '../post-processor.ts';
import type { UploadOptions } from '../upload.ts';
import { filesToSend } from './files-to-send.ts';

/**
 * Sends each file of an artifact to a bucket, large ones in parts. The library tries again what may pass.
 * @throws FailureError `post-failed`, `secret-missing`
 */
export async function uploadToS3(
  options: UploadOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<Artifact> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  const { hostname: bucket, pathname } = new URL(options.to);
  const prefix = pathname.replace(/^\/+/, '').replace(/[^/]$/, '$&/');
  const { accessKey, secretKey, acl } = options;
  const client = new S3Client({
    region: options.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    forcePathStyle: options.pathStyle,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(accessKey === undefined || secretKey === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: context.secret(accessKey),
            secretAccessKey: context.secret(secretKey),
          },
        }),
    maxAttempts: 5,
    // Servers other than AWS's know only checksums that are asked for.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  try {
    const files = await filesToSend(artifact);
    for (const [index, file] of files.entries()) {
      context.status(file.name);
      const upload = new Upload({
        client,
        params: {
          Bucket: bucket,
          Key: `${prefix}${file.name}`,
          Body: createReadStream(file.path),
          ...(acl === undefined ? {} : { ACL: acl }),
        },
        // At most 10,000 parts make an object.
        partSize: Math.max(16 * 2 ** 20, Math.ceil(file.size / 9000)),
      });
      const stop = (): void => void upload.abort().catch(() => undefined);
      context.signal.addEventListener('abort', stop, { once: true });
      try {
        await upload.done();
      } catch (cause) {
        if (context.signal.aborted) throw cause;
        throw s3Failure(`${file.name} was not taken by ${options.to}`, cause, options.endpoint);
      } finally {
        context.signal.removeEventListener('abort', stop);
      }
      context.progress(index + 1, files.length, 'files');
    }
    return artifact;
  } finally {
    client.destroy();
  }
}

function s3Failure(what: string, cause: unknown, endpoint: string | undefined): FailureError {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  const hints: Readonly<Record<string, string>> = {
    NoSuchBucket: 'Make the bucket first.',
    CredentialsProviderError: 'Log in as for the AWS tools, or name secrets in `accessKey` and `secretKey`.',
    AccessDenied: 'The login may not write there: look at the policy of the bucket and of the user.',
    InvalidAccessKeyId:
      'The server does not know this access key: look at `accessKey`, or at the login of the AWS tools.',
    SignatureDoesNotMatch: 'The secret access key is another one: look at `secretKey`.',
  };
  const isNetwork = cause instanceof Error && 'syscall' in cause;
  const hint =
    hints[name] ??
    (isNetwork ? 'Build again when the server answers; nothing that was built is lost.' : undefined);
  const where = endpoint === undefined ? '' : ` at ${endpoint}`;
  // The code is what one looks for in the manual of the server; `Error` says nothing.
  const code = name === 'Error' || message.includes(name) || name === message ? '' : `${name}: `;
  return new FailureError({
    reason: 'post-failed',
    message: `${what}${where}: ${code}${message || name}`,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
