import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { runTool } from '../exporters/run-tool.ts';
import type { ArtifactFile } from '../model/artifact.ts';
import { makeMemoryFolder } from './memory-folder.ts';
import { afterImage, imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';
import { writeSignatureLayout } from './push/signature.ts';

/** A repository: `host[:port]/path`, without tag or digest (OCI distribution specification 1.1, "Pulling manifests"). */
const REPOSITORY =
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?\/[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

const schema = z
  .strictObject({
    to: z
      .string()
      .regex(REPOSITORY, 'must be a registry and a repository without tag, such as ghcr.io/example/web')
      .describe('Registry and repository, such as `ghcr.io/example/web`.'),
    tags: z
      .array(z.string().regex(TAG, 'must be a tag such as 1.0 or latest'))
      .min(1)
      .default(['latest'])
      .describe('Tags under which the image is to be found.'),
    user: z.string().min(1).optional().describe('Login. Default: that of `docker login` or `podman login`.'),
    password: z
      .string()
      .optional()
      .describe('Name of the secret with the password or token of `user`.')
      .meta({ secret: true }),
    insecure: z
      .boolean()
      .default(false)
      .describe('Speaks HTTP, or takes any certificate: for registries on this machine.'),
    signingKey: z
      .string()
      .optional()
      .describe(
        'Name of the secret with an ECDSA key (PEM): puts a signature beside the image, as `cosign sign --key` does.',
      )
      .meta({ secret: true }),
    always: z.boolean().default(false).describe('Pushes in every build, also when the image is unchanged.'),
  })
  .superRefine(({ user, password }, context) => {
    if ((user === undefined) !== (password === undefined))
      context.addIssue({
        code: 'custom',
        path: [user === undefined ? 'user' : 'password'],
        message: 'is needed beside the other one',
      });
  });
type PushOptions = z.output<typeof schema>;

const WHAT_CAN_BE_PUSHED = 'Push what the exports `oci` and `docker-archive` make, before it is compressed.';

export const pushPostProcessor = definePostProcessor({
  type: 'push',
  summary: 'Pushes a container image to a registry.',
  description: `For the exports \`oci\` and \`docker-archive\`. Layers that the registry has already are not sent again; they are the layers of the
image, so after a small change little is sent. Requests that fail are tried again. The reference with the digest of what was pushed
is written to \`<image>.reference\`.

Logins come from \`user\` and \`password\`, else from where \`podman login\`, \`skopeo login\` and \`docker login\` keep them
(\`REGISTRY_AUTH_FILE\`, \`~/.docker/config.json\` with its credential helpers).`,
  schema,
  keyVersion: 1,
  tools: ['skopeo'],
  keepInput: { default: true, forced: false },
  examples: {
    good: [
      { title: 'Two tags', options: { to: 'ghcr.io/example/web', tags: ['1.0', 'latest'] } },
      {
        title: 'With a login and a signature',
        options: {
          to: 'registry.example.org/web',
          user: 'ci',
          password: 'registry_token',
          signingKey: 'cosign_key',
        },
      },
    ],
    bad: [
      { title: 'Tag in the wrong place', options: { to: 'ghcr.io/example/web:1.0' }, error: 'without tag' },
      { title: 'Half a login', options: { to: 'ghcr.io/a/b', user: 'ci' }, error: 'is needed beside' },
    ],
  },
  secrets: ({ password, signingKey }) => [password, signingKey].flatMap((name) => name ?? []),
  untracked: ({ always }) => (always ? 'it was asked to push every time (`always`)' : undefined),
  reproducible: true,
  refuses: ({ extension }) =>
    /(^|\.)(oci(\.tar)?|docker\.tar)$/.test(extension)
      ? undefined
      : { message: 'only container images can be pushed to a registry', hint: WHAT_CAN_BE_PUSHED },
  writes: (_options, files) => afterImage(files, (image) => [referenceName(image)]),
  run: (options, artifact, context) =>
    capture(async () => {
      const image = imageOf(artifact);
      const source = await sourceOf(image);
      await using login = await openLogin(options, context);
      const digestFile = join(context.scratch, 'digest');
      const copy = async (from: string, tag: string): Promise<void> => {
        context.status(`${options.to}:${tag}`);
        await runTool(context, {
          argv: [
            'skopeo',
            'copy',
            ...login.flags,
            ...copyFlags(options, digestFile),
            from,
            `docker://${options.to}:${tag}`,
          ],
          env: skopeoEnvironment(),
          reason: 'post-failed',
        });
      };
      for (const tag of options.tags) await copy(source, tag);
      const digest = (await readFile(digestFile, 'utf8')).trim();
      if (options.signingKey !== undefined) {
        const layout = join(context.scratch, 'signature');
        await writeSignatureLayout(layout, {
          repository: options.to,
          digest,
          key: context.secret(options.signingKey),
        });
        await copy(`oci:${layout}:signature`, `${digest.replace(':', '-')}.sig`);
      }
      const reference = `${options.to}@${digest}`;
      const path = join(context.stage, referenceName(nameOf(image)));
      await writeFile(path, `${reference}\n`);
      const description = `pushed to ${reference}`;
      return withFiles({ ...artifact, description }, [await newFile(path, context.signal)]);
    }),
});

const referenceName = (image: string): string => `${image}.reference`;

/** How skopeo names an image that was exported. */
async function sourceOf({ path }: ArtifactFile): Promise<string> {
  if (path.endsWith('.docker.tar')) return `docker-archive:${path}`;
  if (path.endsWith('.oci.tar')) return `oci-archive:${path}`;
  const layout = await stat(join(path, 'oci-layout')).catch(() => undefined);
  if (layout?.isFile() === true) return `oci:${path}`;
  throw new FailureError({
    reason: 'post-failed',
    message: `${path} is no container image that could be pushed`,
    hint: WHAT_CAN_BE_PUSHED,
  });
}

function copyFlags({ to, insecure }: PushOptions, digestFile: string): string[] {
  // What runs on this machine has no certificate as a rule; container tools treat it so.
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+)(:|\/)/.test(to);
  return [
    '--quiet',
    '--retry-times=4',
    `--digestfile=${digestFile}`,
    ...(insecure || isLocal ? ['--dest-tls-verify=false'] : []),
  ];
}

function skopeoEnvironment(): Record<string, string> {
  const names = [
    'HOME',
    'XDG_RUNTIME_DIR',
    'REGISTRY_AUTH_FILE',
    'DOCKER_CONFIG',
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'NO_PROXY',
  ];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** A login that is given by secrets lies in a file in memory as long as it is needed: arguments are seen by everyone. */
async function openLogin(
  { to, user, password }: PushOptions,
  context: PostContext,
): Promise<AsyncDisposable & { readonly flags: readonly string[] }> {
  if (user === undefined || password === undefined)
    return { flags: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  const folder = await makeMemoryFolder(context, `login to ${to}`);
  const file = join(folder, 'auth.json');
  const auth = Buffer.from(`${user}:${context.secret(password)}`).toString('base64');
  const auths = { [to.split('/')[0] ?? to]: { auth } };
  await writeFile(file, JSON.stringify({ auths }), { mode: 0o600 });
  return {
    flags: [`--dest-authfile=${file}`],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
