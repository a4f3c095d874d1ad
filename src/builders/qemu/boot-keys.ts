import { setTimeout as sleep } from 'node:timers/promises';
import { parseDuration } from '../../schema/units.ts';
import type { DriverContext } from '../machine-builder.ts';
import { parseBootCommand, toKeyEvents } from './boot-command.ts';
import { fillIn, type BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import { VncKeyboard } from './vnc-keyboard.ts';
import type { VncScreen } from './vnc-screen.ts';

/** Packer's default. */
const KEY_MS = 100;

/**
 * Waits `boot_wait`, then types the boot command at the machine's keyboard.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function typeBootCommand(
  screen: VncScreen | undefined,
  options: QemuOptions,
  values: BootValues,
  context: DriverContext,
): Promise<void> {
  const steps =
    options.boot_steps.length > 0
      ? options.boot_steps.map(([keys = '', note]) => ({ keys, note }))
      : options.boot_command.map((keys) => ({ keys, note: undefined }));
  if (steps.length === 0 || screen === undefined) return;
  const { signal } = context;
  context.status(`waits ${options.boot_wait / 1000} s for the boot menu`);
  await sleep(options.boot_wait, undefined, { signal }).catch(() => undefined);
  const intervalMs =
    options.boot_key_interval ?? parseDuration(process.env['PACKER_KEY_INTERVAL'] ?? '') ?? KEY_MS;
  const { address, password } = screen;
  await using keyboard = await VncKeyboard.connect(address, {
    signal,
    ...(password !== undefined && { password }),
  });
  context.status('types the boot command');
  for (const { keys, note } of steps) {
    if (note !== undefined) context.log(`boot step: ${note}`);
    const events = toKeyEvents(parseBootCommand(fillIn(keys, values)));
    await keyboard.type(events, { intervalMs, signal });
    await sleep(options.boot_keygroup_interval, undefined, { signal }).catch(() => undefined);
  }
}
