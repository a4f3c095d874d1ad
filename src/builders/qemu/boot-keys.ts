import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { DriverContext } from '../machine-builder.ts';
import { parseBootCommand, toKeyEvents } from './boot-command.ts';
import { fillIn, type BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import type { RunningMachine } from './running-machine.ts';
import { VncKeyboard } from './vnc-keyboard.ts';

const vncSchema = z.object({ host: z.string().optional(), service: z.string().optional() });

/**
 * Waits `boot_wait`, then types the boot command at the machine's keyboard.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function typeBootCommand(
  running: RunningMachine,
  options: QemuOptions,
  values: BootValues,
  context: DriverContext,
): Promise<void> {
  const steps =
    options.boot_steps.length > 0
      ? options.boot_steps.map(([keys = '', note]) => ({ keys, note }))
      : options.boot_command.map((keys) => ({ keys, note: undefined }));
  if (steps.length === 0) return;
  const { signal } = context;
  context.status(`waits ${options.boot_wait / 1000} s for the boot menu`);
  await sleep(options.boot_wait, undefined, { signal }).catch(() => undefined);
  const password = options.vnc_use_password ? await setPassword(running, options, context) : undefined;
  const address = await whereIsVnc(running, options);
  await using keyboard = await VncKeyboard.connect(address, {
    signal,
    ...(password !== undefined && { password }),
  });
  context.status('types the boot command');
  for (const { keys, note } of steps) {
    if (note !== undefined) context.log(`boot step: ${note}`);
    const events = toKeyEvents(parseBootCommand(fillIn(keys, values)));
    await keyboard.type(events, { intervalMs: options.boot_key_interval, signal });
    await sleep(options.boot_keygroup_interval, undefined, { signal }).catch(() => undefined);
  }
}

async function setPassword(
  running: RunningMachine,
  options: QemuOptions,
  context: DriverContext,
): Promise<string> {
  const { randomBytes } = await import('node:crypto');
  const password = options.vnc_password ?? randomBytes(6).toString('base64url').slice(0, 8);
  context.hide(password);
  await running.qmp.execute('set_password', z.unknown(), { protocol: 'vnc', password });
  return password;
}

async function whereIsVnc(
  running: RunningMachine,
  options: QemuOptions,
): Promise<{ path: string } | { host: string; port: number }> {
  const isPort = options.vnc_port_min !== undefined || options.vnc_port_max !== undefined;
  if (!isPort) return { path: join(running.folder, 'vnc') };
  const { host = '127.0.0.1', service = '5900' } = await running.qmp.execute('query-vnc', vncSchema);
  return { host, port: Number(service) };
}
