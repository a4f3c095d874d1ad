import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { qemuTarget, type MachineSettings } from '../../../src/builders/qemu/qemu-command.ts';
import { QmpClient } from '../../../src/builders/qemu/qmp-client.ts';
import { startForwarded } from '../../../src/builders/qemu/start-machine.ts';
import type { MachineContext } from '../../../src/builders/qemu/virtual-machine.ts';
import { findFreePorts } from '../../../src/util/free-port.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const target = qemuTarget('amd64');
const noQemu = !existsSync('/usr/bin/qemu-system-x86_64') || target === undefined;

/** A machine with an empty disk: it only runs its firmware. */
function emptyMachine(changes: Partial<MachineSettings> = {}): Omit<MachineSettings, 'forwards'> {
  const folder = temporaryFolder();
  const path = join(folder, 'disk, with a comma');
  writeFileSync(path, Buffer.alloc(1 << 20));
  if (target === undefined) throw new Error('no target');
  return {
    name: 'imgpipe-test',
    target,
    kvm: false,
    memory: 64,
    cpus: 1,
    disk: { path, format: 'raw' },
    uefi: undefined,
    consoleFile: join(folder, 'console.log'),
    qmpSocket: join(folder, 'qmp'),
    ...changes,
  };
}

function context(): MachineContext & { readonly ledger_: { pid: number; what: string }[] } {
  const entries: { pid: number; what: string }[] = [];
  return {
    signal: new AbortController().signal,
    log: () => undefined,
    ledger: (entry) => {
      entries.push(entry);
      return Promise.resolve();
    },
    ledger_: entries,
  };
}

const isAlive = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};

describe.skipIf(noQemu)('a machine of QEMU', () => {
  it.each(['q35', 'pc'])(
    'runs as %s, is in the ledger, answers QMP and dies with its scope',
    async (machine) => {
      const surroundings = context();
      const settings = emptyMachine({ machine });
      let pid = 0;
      {
        await using running = await startForwarded(settings, [22, 80], surroundings);
        expect(running.exit).toBeUndefined();
        expect(surroundings.ledger_).toMatchObject([{ what: 'QEMU (imgpipe-test)' }]);
        pid = surroundings.ledger_[0]?.pid ?? 0;
        expect(isAlive(pid)).toBe(true);
        const table = await running.monitor('info usernet');
        for (const port of [22, 80])
          expect(table).toMatch(new RegExp(`127\\.0\\.0\\.1 +${running.forwards.get(port)} .* ${port} `));
        await using qmp = await QmpClient.connect(settings.qmpSocket ?? '');
        const machines = z.object({ running: z.boolean() });
        expect((await qmp.execute('query-status', machines)).running).toBe(true);
      }
      expect(isAlive(pid)).toBe(false);
    },
  );

  it('takes other ports when one is taken in between', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void blocker.close());
    const taken = (blocker.address() as AddressInfo).port;
    let asked = 0;
    const choose = (count: number): Promise<number[]> =>
      ++asked === 1 ? Promise.resolve([taken]) : findFreePorts(count);
    await using machine = await startForwarded(emptyMachine(), [22], context(), choose);
    expect(asked).toBe(2);
    expect(machine.exit).toBeUndefined();
    expect(machine.forwards.get(22)).not.toBe(taken);
  });

  it('says why it did not start', async () => {
    await using machine = await startForwarded(emptyMachine({ machine: 'no-such' }), [], context());
    expect(machine.exit).toBe('exit code 1');
    expect(machine.errors.join()).toContain('unsupported machine type');
  });

  it('ends when imgpipe is killed', async () => {
    const settings = emptyMachine();
    const script = `
      const { startForwarded } = await import(process.argv[1]);
      await startForwarded(JSON.parse(process.argv[2]), [], {
        signal: new AbortController().signal,
        log: () => {},
        ledger: async ({ pid }) => console.log(pid),
      });`;
    const module = new URL('../../../src/builders/qemu/start-machine.ts', import.meta.url).href;
    const parent = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      module,
      JSON.stringify(settings),
    ]);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });
});
