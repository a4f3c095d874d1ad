import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { bootCheck } from '../../src/checks/boot.ts';
import type { CheckContext } from '../../src/checks/check.ts';
import type { QemuFormat } from '../../src/model/bootable.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually } from './workspace.ts';

/** Boots an amd64 image by the boot check; a failure shows the last lines of the console. */
export async function boot(image: string, options: object, format: QemuFormat = 'qcow2'): Promise<void> {
  const lines: string[] = [];
  const context = {
    pipeline: { architecture: 'amd64', disk: { firmware: 'both' } },
    image: { path: image, format },
    scratch: temporaryFolder(),
    signal: new AbortController().signal,
    log: (line: string) => void lines.push(line),
    status: () => undefined,
    ledger: () => Promise.resolve(),
    resolvePath: (path: string) => path,
  };
  const outcome = await bootCheck.run(
    bootCheck.schema.parse({ timeout: '6m', grace: '2m', ...options }),
    context as unknown as CheckContext,
  );
  expect(outcome, lines.slice(-60).join('\n')).toEqual({ ok: true });
}

/** Starts a machine of QEMU and waits until it writes something to its serial port. */
export async function bootMachine(devices: readonly string[], wanted: RegExp): Promise<void> {
  const serial = join(temporaryFolder(), 'serial.log');
  const quiet = ['-display', 'none', '-net', 'none', '-no-reboot', '-serial', `file:${serial}`];
  const machine = ['-M', 'q35', '-m', '1024', ...quiet, ...devices];
  const qemu = spawn('qemu-system-x86_64', machine, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  qemu.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const console = (): string => said + (existsSync(serial) ? readFileSync(serial, 'latin1') : '');
  try {
    await eventually(console, 240_000).toMatch(wanted);
  } finally {
    qemu.kill('SIGKILL');
  }
}

/** Starts what the export `kernel` has packed, unpacked in a folder, with a raw disk. */
export async function bootKernel(folder: string, disk: string, wanted: RegExp): Promise<void> {
  const [kernel, initrd, commandLine] = ['vmlinuz', 'initrd.img', 'cmdline'].map((name) =>
    join(folder, name),
  );
  const direct = ['-kernel', kernel ?? '', '-initrd', initrd ?? ''];
  const append = ['-append', readFileSync(commandLine ?? '', 'utf8').trim()];
  await bootMachine(
    [...direct, ...append, '-drive', `if=virtio,format=raw,snapshot=on,file=${disk}`],
    wanted,
  );
}
