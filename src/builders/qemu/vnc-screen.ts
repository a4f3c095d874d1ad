import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import type { DriverContext } from '../machine-builder.ts';
import type { QemuOptions } from './options.ts';
import type { RunningMachine } from './running-machine.ts';

/** Where a machine's screen and keyboard are. */
export interface VncScreen {
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly password?: string;
}

const vncSchema = z.object({ host: z.string().optional(), service: z.string().optional() });

/**
 * Finds the screen of a machine that has just started and sets its password, without which QEMU lets nobody in.
 * @returns undefined when there is no VNC
 */
export async function openScreen(
  running: RunningMachine,
  options: QemuOptions,
  context: Pick<DriverContext, 'hide' | 'log'>,
): Promise<VncScreen | undefined> {
  if (options.disable_vnc) return undefined;
  const address = await findAddress(running, options);
  context.log(`VNC: ${'path' in address ? address.path : `${address.host}:${address.port}`}`);
  if (!options.vnc_use_password) return { address };
  const password = options.vnc_password ?? randomBytes(6).toString('base64url').slice(0, 8);
  context.hide(password);
  await running.qmp.execute('set_password', z.unknown(), { protocol: 'vnc', password });
  return { address, password };
}

async function findAddress(running: RunningMachine, options: QemuOptions): Promise<VncScreen['address']> {
  const isPort = options.vnc_port_min !== undefined || options.vnc_port_max !== undefined;
  if (!isPort) return { path: join(running.folder, 'vnc') };
  const { host = '127.0.0.1', service = '5900' } = await running.qmp.execute('query-vnc', vncSchema);
  return { host, port: Number(service) };
}
