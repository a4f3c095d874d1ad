import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DriverContext } from '../machine-builder.ts';
import { loginSeed, type Login } from './login.ts';
import { fillIn, makeCd, writeFloppy, type BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import type { Releases } from './releases.ts';
import { serveWeb } from './web-server.ts';

/** Address by which a machine in QEMU's own network reaches this host. */
const HOST_ADDRESS = '10.0.2.2';

export const SEED = 'seed.iso';
export const CD = 'cd.iso';
export const FLOPPY = 'floppy.img';

/**
 * What a machine finds around it while it starts: a web server, when the options want one. Gives what texts for the
 * machine may name.
 * @param active folder of the machine's disks
 */
export async function makeSurroundings(
  options: QemuOptions,
  login: Login,
  active: string,
  held: Releases,
  context: DriverContext,
): Promise<BootValues> {
  const { http_directory: folder, http_content: texts } = options;
  const values: BootValues = {
    Name: options.name,
    SSHPublicKey: login.key?.publicKey.trim(),
    OutputDir: active,
    HTTPDir: folder,
    HTTPIP: options.net_bridge === undefined ? HOST_ADDRESS : await interfaceAddress(options),
  };
  if (folder === undefined && texts === undefined) return values;
  const fill = (text: string, port: number): string => fillIn(text, { ...values, HTTPPort: port });
  const content =
    folder === undefined
      ? ({ type: 'texts', texts: texts ?? {}, fill } as const)
      : ({ type: 'folder', path: context.resolvePath(folder) } as const);
  const usual = options.net_bridge === undefined ? '127.0.0.1' : String(values['HTTPIP'] ?? '0.0.0.0');
  const host = options.http_bind_address ?? usual;
  const range = { host, min: options.http_port_min, max: options.http_port_max };
  const server = await serveWeb(content, range, (line) => context.log(`HTTP: ${line}`));
  held.add(async () => await server[Symbol.asyncDispose]());
  return { ...values, HTTPPort: server.port };
}

/** Address of the interface that a bridged machine reaches. */
async function interfaceAddress(options: QemuOptions): Promise<string | undefined> {
  const { networkInterfaces } = await import('node:os');
  const name = options.http_interface ?? options.net_bridge ?? '';
  return networkInterfaces()[name]?.find(({ family }) => family === 'IPv4')?.address;
}

/** Writes the media of a machine into its folder. @returns their names */
export async function writeMedia(
  options: QemuOptions,
  login: Login,
  values: BootValues,
  active: string,
  context: DriverContext,
): Promise<string[]> {
  const names: string[] = [];
  if (login.bySeed && login.key !== undefined) {
    await writeFile(join(active, SEED), loginSeed(login.user, login.key.publicKey));
    names.push(SEED);
  }
  const cd = makeCd(options, context.resolvePath, values);
  if (cd !== undefined) {
    await writeFile(join(active, CD), cd);
    names.push(CD);
  }
  if (await writeFloppy(join(active, FLOPPY), options, context)) names.push(FLOPPY);
  return names;
}
