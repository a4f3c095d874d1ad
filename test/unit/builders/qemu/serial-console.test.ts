import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SerialConsole } from '../../../../src/builders/qemu/serial-console.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

async function consoleWith(...chunks: string[]): Promise<SerialConsole> {
  const path = join(temporaryFolder(), 'console.log');
  const serial = new SerialConsole(path);
  await serial.read();
  for (const chunk of chunks) {
    appendFileSync(path, chunk);
    await serial.read();
  }
  return serial;
}

describe('SerialConsole', () => {
  it.each([
    ['SeaBIOS (version 1.16)', 'firmware'],
    ['\u001b[1;1HWelcome to GRUB!\r\n', 'boot loader'],
    ['Welcome to GRUB!\r\nBooting Linux 6.1\r\n', 'boot loader'],
    ['[    0.000000] Linux version 6.1.0', 'kernel'],
    ['Loading, please wait...', 'initial RAM disk'],
    ['[    2.1] systemd[1]: systemd 252 running', 'systemd'],
    ['Welcome to \u001b[31mDebian GNU/Linux 12\u001b[0m!', 'systemd'],
    [
      '[  OK  ] Reached target \u001b[0;1;39mmulti-user.target\u001b[0m - Multi-User System.',
      'multi-user system',
    ],
    ['\r\nDebian GNU/Linux 12 web ttyS0\r\n\r\nweb login: ', 'login prompt'],
  ])('knows the stage of %j', async (text, stage) => {
    expect((await consoleWith(text)).stage).toBe(stage);
  });

  it('keeps the furthest stage', async () => {
    expect((await consoleWith('Linux version 6\n', 'systemd[1]: x\n', 'audit\n')).stage).toBe('systemd');
  });

  it.each([
    ['[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs', 'panicked'],
    ['BusyBox v1.35\n(initramfs) ', 'RAM disk'],
    ['You are in emergency mode. After logging in', 'emergency'],
    ['No bootable device.', 'no bootable'],
    ['error: no such device: 2222.\n', 'boot loader'],
    ['BdsDxe: No bootable option or device was found.', 'no boot loader'],
    ['UEFI Interactive Shell v2.2', 'no boot loader'],
  ])('knows the dead end %j', async (text, sign) => {
    expect((await consoleWith(text)).deadEnd).toContain(sign);
  });

  it('sees no dead end in a boot that goes well', async () => {
    expect((await consoleWith('Linux version 6\n[ OK ] Started x\nweb login: ')).deadEnd).toBeUndefined();
  });

  it('sees none where only the first entry of the boot order fails', async () => {
    const text =
      'BdsDxe: failed to load Boot0001 "UEFI QEMU DVD-ROM": Not Found\nBdsDxe: loading Boot0002 "UEFI Misc Device"\n';
    expect((await consoleWith(text)).deadEnd).toBeUndefined();
  });

  it('shows the last lines as plain text, whole even when they came in parts', async () => {
    const serial = await consoleWith('one\r\n\u001b[32mtw', 'o\u001b[0m\r\n\r\nthree');
    expect(serial.lastLines(2)).toEqual(['two', 'three']);
  });
});
