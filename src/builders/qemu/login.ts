import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { makeSshKey, type SshKeyPair } from '../../communicators/ssh/ssh-key.ts';
import { isErrno, writeFileAtomic } from '../../util/atomic-file.ts';
import { sha256Hex } from '../../util/hash.ts';
import type { DriverContext } from '../machine-builder.ts';
import { makeCloudSeed } from './nocloud-seed.ts';
import { hasOwnLogin, type QemuOptions } from './options.ts';

/** How the build gets into its machine. */
export interface Login {
  readonly user: string;
  /** Made here; undefined when the options have a key or password of their own. */
  readonly key: SshKeyPair | undefined;
  /** A NoCloud seed brings the key in. */
  readonly bySeed: boolean;
  /** systemd's credentials bring it in, for root. */
  readonly byCredentials: boolean;
}

/** @param source name of the source's kind, or `pipeline` */
export async function findLogin(
  options: QemuOptions,
  source: string,
  context: DriverContext,
): Promise<Login> {
  const user = options.ssh_username ?? 'root';
  if (options.communicator === 'none') return { user, key: undefined, bySeed: false, byCredentials: false };
  const means = hasOwnLogin(options) && options.login === 'auto' ? 'own' : options.login;
  const key = hasOwnLogin(options) && means === 'own' ? undefined : await buildKey(options, context);
  // An installer gets the key by its answers, if at all.
  const isAuto = means === 'auto' && source !== 'iso';
  return {
    user,
    key,
    bySeed: means === 'cloud-init' || (isAuto && source !== 'pipeline' && options.cd_label !== 'cidata'),
    byCredentials: means === 'credentials' || (isAuto && source !== 'cloud-image'),
  };
}

const keySchema = z.object({ privateKey: z.string(), publicKey: z.string() });

/**
 * The key of builds of this cache. One for all, because a machine's kept state knows the key of the build that made it;
 * it opens nothing but machines of builds, on ports of 127.0.0.1, and is taken out of finished disks.
 */
async function buildKey(options: QemuOptions, context: DriverContext): Promise<SshKeyPair> {
  const folder = await context.cacheFolder('qemu-login');
  await chmod(folder, 0o700);
  const { temporary_key_pair_type: type, temporary_key_pair_bits: bits } = options;
  const file = join(folder, `${type}-${bits}.json`);
  try {
    return keySchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (!isErrno(error, 'ENOENT') && !(error instanceof SyntaxError) && !(error instanceof z.ZodError))
      throw error;
  }
  const key = await makeSshKey('imgpipe-build', { type, ...(bits > 0 && { bits }) });
  writeFileAtomic(file, JSON.stringify(key), { mode: 0o600 });
  return key;
}

/** Names a key without giving it. */
export const fingerprint = ({ key }: Pick<Login, 'key'>): string | undefined =>
  key === undefined ? undefined : sha256Hex(key.publicKey).slice(0, 16);

/** Seed that lets the key's owner in as `user`, who may become root. The same key gives the same seed. */
export function loginSeed(user: string, publicKey: string): Buffer {
  const key = publicKey.trim();
  const others = [
    'default',
    { name: user, sudo: 'ALL=(ALL) NOPASSWD:ALL', shell: '/bin/bash', ssh_authorized_keys: [key] },
  ];
  // JSON is YAML.
  const config = {
    disable_root: false,
    ssh_authorized_keys: [key],
    ...(user === 'root' ? {} : { users: others }),
  };
  const userData = `#cloud-config\n${JSON.stringify(config)}\n`;
  return makeCloudSeed({ instanceId: `imgpipe-${sha256Hex(userData).slice(0, 16)}`, userData }, 0);
}
