import { expect, test } from 'vitest';
import { awaitInstalled } from '../../../../src/builders/qemu/installer.ts';
import { qemuSchema } from '../../../../src/builders/qemu/options.ts';
import type { RunningMachine } from '../../../../src/builders/qemu/running-machine.ts';
import type { DriverContext } from '../../../../src/builders/machine-builder.ts';

/** A machine whose root file systems are these, one after the other; undefined while nobody answers. */
function machine(roots: (string | undefined)[], exit?: string) {
  const events: string[] = [];
  const communicator = {
    exec: () => {
      const root = roots.length > 1 ? roots.shift() : roots[0];
      events.push(root ?? 'gone');
      if (root === undefined) return Promise.reject(new Error('the connection broke'));
      return Promise.resolve({ code: 0, stdout: `${root}\n`, stderr: '' });
    },
    reconnect: () => {
      events.push('reconnects');
      return Promise.resolve();
    },
  };
  const nothing = (): undefined => undefined;
  const running = {
    vm: { exit },
    console: { read: () => Promise.resolve(''), stage: undefined, lastLines: () => [] },
    screenshot: () => Promise.resolve(false),
  } as unknown as RunningMachine;
  const context = {
    status: nothing,
    log: nothing,
    cacheFolder: () => Promise.resolve('/nowhere'),
    pipeline: { id: 'test' },
  } as unknown as DriverContext;
  const wait = (options: object = {}): Promise<void> =>
    awaitInstalled(running, communicator, qemuSchema.parse(options), context, 1);
  return { wait, events };
}

test("an installer's own SSH server is not taken for the installed system's", async () => {
  const { wait, events } = machine(['rootfs', 'overlay', undefined, 'ext4']);
  await wait();
  expect(events).toEqual(['rootfs', 'overlay', 'gone', 'reconnects', 'ext4']);
});

test('an installed system that answers at once is not waited for', async () => {
  const { wait, events } = machine(['btrfs']);
  await wait();
  expect(events).toEqual(['btrfs']);
});

test('an installer that never ends, or switches off, is told', async () => {
  await expect(machine(['overlay']).wait({ ssh_timeout: '20ms' })).rejects.toThrow(
    /only the installer answers/,
  );
  await expect(machine(['overlay'], 'exit code 0').wait()).rejects.toThrow(/switched itself off/);
});
