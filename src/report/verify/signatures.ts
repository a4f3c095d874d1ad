import { createVerify } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { runTool } from '../../exporters/run-tool.ts';
import { runHostCommand } from '../../util/exec.ts';
import type { Claim } from './digests.ts';
import type { PublicKeys } from './keys.ts';

const ENDINGS = ['asc', 'minisig', 'sig'] as const;

/** Whether a file's name is that of a signature of another. */
export function isSignature(name: string, of: string): boolean {
  return ENDINGS.some((ending) => name === `${of}.${ending}`);
}

interface SignatureContext {
  readonly keys: PublicKeys;
  readonly signal: AbortSignal;
}

/** Checks one detached signature of a file. */
export async function checkSignature(
  signature: string,
  file: string,
  context: SignatureContext,
): Promise<Claim> {
  const by = basename(signature);
  if (signature.endsWith('.asc')) return await checkOpenpgp(signature, file, context);
  const keys = signature.endsWith('.sig') ? context.keys.pem : context.keys.minisign;
  if (keys.length === 0)
    return { by, verdict: 'unchecked', what: 'signature: no key (--key) to check it with' };
  const isRight = signature.endsWith('.sig')
    ? await checkPem(signature, file, context.keys)
    : await checkMinisign(signature, file, context);
  return isRight
    ? { by, verdict: 'right', what: 'signature matches', proof: true }
    : { by, verdict: 'wrong', what: 'signature was made with another key, or the file was changed' };
}

/** As `cosign sign-blob` makes them: base64 of an ECDSA signature over the SHA-256. */
async function checkPem(signature: string, file: string, { pem }: PublicKeys): Promise<boolean> {
  const bytes = Buffer.from(readFileSync(signature, 'utf8'), 'base64');
  for (const key of pem) {
    const verifier = createVerify('sha256');
    await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), verifier);
    // An Ed25519 key checks no such signature.
    if (key.asymmetricKeyType !== 'ed25519' && verifier.verify(key, bytes)) return true;
  }
  return false;
}

async function checkMinisign(
  signature: string,
  file: string,
  { keys, signal }: SignatureContext,
): Promise<boolean> {
  for (const key of keys.minisign) {
    if (await succeeds(['minisign', '-V', '-q', '-P', key, '-x', signature, '-m', file], {}, signal))
      return true;
  }
  return false;
}

/** By the keys that were given, else by the user's key ring. */
async function checkOpenpgp(
  signature: string,
  file: string,
  { keys, signal }: SignatureContext,
): Promise<Claim> {
  const by = basename(signature);
  const isGiven = keys.openpgp.length > 0;
  const home = isGiven ? await mkdtemp(join(tmpdir(), 'imgpipe-verify-')) : process.env['GNUPGHOME'];
  const env = {
    HOME: process.env['HOME'] ?? '/',
    ...(home === undefined ? {} : { GNUPGHOME: home }),
  };
  try {
    if (isGiven)
      await succeeds(['gpg', '--batch', '--quiet', '--import', '--', ...keys.openpgp], env, signal);
    const argv = ['gpg', '--batch', '--status-fd', '1', '--verify', '--', signature, file] as const;
    const status = await outputOf(argv, env, signal);
    if (/^\[GNUPG:\] VALIDSIG /m.test(status) && !/^\[GNUPG:\] (EXPKEYSIG|REVKEYSIG) /m.test(status)) {
      const signer = /^\[GNUPG:\] GOODSIG \S+ (.*)$/m.exec(status)?.[1] ?? 'unknown';
      return { by, verdict: 'right', what: `signature of ${signer} matches`, proof: isGiven };
    }
    if (/^\[GNUPG:\] NO_PUBKEY /m.test(status) && !isGiven)
      return { by, verdict: 'unchecked', what: 'signature: its key is not in the key ring' };
    return { by, verdict: 'wrong', what: 'signature was made with another key, or the file was changed' };
  } finally {
    if (isGiven && home !== undefined) {
      await succeeds(['gpgconf', '--kill', 'all'], env, signal);
      await rm(home, { recursive: true, force: true });
    }
  }
}

async function succeeds(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await runTool(toolContext(signal), { argv, env, reason: 'verify-failed' });
    return true;
  } catch (error) {
    if (error instanceof FailureError && error.failures[0]?.reason === 'verify-failed') return false;
    throw error;
  }
}

/** Standard output of a program, however it ends. */
async function outputOf(
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  let output = '';
  const onStdout = (text: string): void => void (output += text);
  try {
    await runTool(toolContext(signal), { argv, env, reason: 'verify-failed', onStdout });
  } catch (error) {
    if (!(error instanceof FailureError) || error.failures[0]?.reason !== 'verify-failed') throw error;
  }
  return output;
}

function toolContext(signal: AbortSignal) {
  return { workspace: { spawn: runHostCommand }, signal, log: () => undefined };
}
