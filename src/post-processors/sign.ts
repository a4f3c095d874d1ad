import { createSign } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { runTool } from '../exporters/run-tool.ts';
import type { ArtifactFile } from '../model/artifact.ts';
import { globToRegExp } from '../util/glob.ts';
import { makeMemoryFolder } from './memory-folder.ts';
import { imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';
import { privateKey } from './private-key.ts';

const schema = z
  .strictObject({
    method: z
      .enum(['gpg', 'minisign', 'cosign'])
      .default('gpg')
      .describe(
        'Form of the signatures: `<file>.asc` of GnuPG, `<file>.minisig`, or `<file>.sig` as `cosign sign-blob` makes them.',
      ),
    secret: z
      .string()
      .optional()
      .describe(
        'Name of the secret with the private key: armored for gpg, the content of the key file for minisign, an unencrypted PEM for cosign. Only gpg can do without: then the key ring of the user has it.',
      ),
    passphrase: z
      .string()
      .optional()
      .describe('Name of the secret with the passphrase of the key; for gpg and minisign.')
      .meta({ secret: true }),
    key: z
      .string()
      .min(1)
      .optional()
      .describe('With gpg: fingerprint, id or address of the key. Default: the first one.'),
    files: z
      .array(z.string().min(1))
      .min(1)
      .default(['*'])
      .describe('Patterns of the names of the files to sign, e.g. `*.sha256`.'),
  })
  .superRefine(({ method, secret, passphrase, key }, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (method !== 'gpg' && secret === undefined) issue('secret', `is needed by ${method}`);
    if (method !== 'gpg' && key !== undefined) issue('key', 'goes with method gpg only');
    if (method === 'cosign' && passphrase !== undefined)
      issue('passphrase', 'goes with gpg and minisign only');
  });
type SignOptions = z.output<typeof schema>;

const ENDINGS = { gpg: 'asc', minisign: 'minisig', cosign: 'sig' } as const;

export const signPostProcessor = definePostProcessor({
  type: 'sign',
  summary: 'A detached signature beside each file of the artifact.',
  description: `Check them with \`gpg --verify\`, \`minisign -V\`, \`cosign verify-blob\`, or \`imgpipe verify\`. To sign many files at once, put
\`checksum\` before it and sign the checksums with \`files: ['*.sha256']\`.

A private key is never written to the cache. GnuPG's key ring for it lies in memory (\`/dev/shm\`) while it signs.`,
  schema,
  keyVersion: 1,
  tools: ['gpg', 'minisign'],
  keepInput: { default: true, forced: true },
  examples: {
    good: [
      { title: 'With the user’s own key', options: { key: 'release@example.org' } },
      { title: 'In CI', options: { method: 'minisign', secret: 'minisign_key', files: ['*.sha256'] } },
    ],
    bad: [
      { title: 'minisign without key', options: { method: 'minisign' }, error: 'is needed by minisign' },
      { title: 'Unknown method', options: { method: 'pgp' }, error: 'method' },
    ],
  },
  secrets: ({ secret, passphrase }) => [secret, passphrase].flatMap((name) => name ?? []),
  // GnuPG and ECDSA put the time or chance into signatures.
  reproducible: false,
  writes: (options, files) => files.filter(signs(options)).map((file) => signatureName(options, file)),
  run: (options, artifact, context) =>
    capture(async () => {
      imageOf(artifact);
      const isWanted = signs(options);
      const files = artifact.files.filter((file) => isWanted(nameOf(file)));
      if (files.length === 0) {
        const message = `no file of the artifact matches ${options.files.join(', ')}`;
        const hint = `There are ${artifact.files.map(nameOf).join(', ')}.`;
        throw new FailureError({ reason: 'post-failed', message, hint });
      }
      const made: ArtifactFile[] = [];
      await using signer = await openSigner(options, context);
      for (const file of files) {
        const to = join(context.stage, signatureName(options, nameOf(file)));
        context.status(basename(to));
        await signer.sign(file.path, to);
        made.push(await newFile(to, context.signal));
      }
      return withFiles(artifact, made);
    }),
});

/** Signatures are not signed again. */
const isSignature = (name: string): boolean => /\.(asc|minisig|sig)$/.test(name);

const signatureName = ({ method }: SignOptions, file: string): string => `${file}.${ENDINGS[method]}`;

/** Tells by its name whether a file is to be signed. */
function signs({ files }: SignOptions): (file: string) => boolean {
  const wanted = files.map(globToRegExp);
  return (file) => !isSignature(file) && wanted.some((pattern) => pattern.test(file));
}

interface Signer extends AsyncDisposable {
  readonly sign: (file: string, to: string) => Promise<void>;
}

async function openSigner(options: SignOptions, context: PostContext): Promise<Signer> {
  switch (options.method) {
    case 'gpg':
      return await gpgSigner(options, context);
    case 'minisign':
      return minisignSigner(options, context);
    case 'cosign':
      return cosignSigner(options, context);
  }
}

async function gpgSigner({ secret, passphrase, key }: SignOptions, context: PostContext): Promise<Signer> {
  const home = secret === undefined ? undefined : await makeMemoryFolder(context, 'key ring of gpg');
  const homeEnv = home ?? process.env['GNUPGHOME'];
  const env = {
    HOME: process.env['HOME'] ?? '/',
    ...(homeEnv === undefined ? {} : { GNUPGHOME: homeEnv }),
  };
  const gpg = (argv: readonly string[], stdin?: string) =>
    runTool(context, {
      argv: ['gpg', '--batch', '--yes', '--no-tty', ...argv],
      env,
      ...(stdin === undefined ? {} : { stdin }),
      reason: 'post-failed',
    });
  const close = async (): Promise<void> => {
    if (home === undefined) return;
    // The agent that gpg started for this key ring alone.
    const stop = ['gpgconf', '--kill', 'all'] as const;
    await runTool(
      { ...context, signal: new AbortController().signal },
      { argv: stop, env, reason: 'post-failed' },
    ).catch(() => undefined);
    await rm(home, { recursive: true, force: true });
  };
  try {
    if (secret !== undefined) await gpg(['--import'], context.secret(secret));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    sign: async (file, to) => {
      const user = key === undefined ? [] : ['--local-user', key];
      const phrase = passphrase === undefined ? [] : ['--pinentry-mode', 'loopback', '--passphrase-fd', '0'];
      const argv = [...user, ...phrase, '--armor', '--detach-sign', '--output', to, '--', file];
      await gpg(argv, passphrase === undefined ? undefined : `${context.secret(passphrase)}\n`);
    },
    [Symbol.asyncDispose]: close,
  };
}

function minisignSigner({ secret = '', passphrase }: SignOptions, context: PostContext): Signer {
  const key = context.secret(secret);
  const word = passphrase === undefined ? '' : context.secret(passphrase);
  // minisign opens the key by a name: that of a pipe, so that the key is in no file. Node's own are sockets.
  const script = 'exec 6<&0; cat <&3 | minisign "$@" 5<&0 0<&6';
  const spawn: PostContext['workspace']['spawn'] = (command) =>
    context.workspace.spawn({ ...command, inputs: [`${key}\n`] });
  return {
    sign: async (file, to) => {
      const options = ['-S', '-s', '/dev/fd/5', '-m', file, '-x', to, '-t', `file:${basename(file)}`];
      const argv = ['sh', '-c', script, 'minisign', ...options] as const;
      await runTool(
        { ...context, workspace: { spawn } },
        { argv, stdin: `${word}\n`, reason: 'post-failed' },
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function cosignSigner({ secret = '' }: SignOptions, context: PostContext): Signer {
  const key = privateKey(context.secret(secret));
  return {
    sign: async (file, to) => {
      const signer = createSign('sha256');
      await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), signer, { signal: context.signal });
      await writeFile(to, `${signer.sign(key, 'base64')}\n`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
