import { expect, test } from 'vitest';
import type { Machine } from '../../src/builders/machine.ts';

/**
 * What steps rely on in any machine, real or fake. `use` gives the test a machine of a Debian whose `/bin/sh` says
 * what the fake is scripted to say: `echo out; echo err >&2; exit 7`.
 */
export function machineContract(use: (body: (machine: Machine) => Promise<void>) => Promise<void>): void {
  test('a file that was written can be read; one that was not is undefined', () =>
    use(async (machine) => {
      await machine.writeFile('/srv/deep/file', 'text\n', { mode: 0o600 });
      expect(await machine.readFile('/srv/deep/file')).toBe('text\n');
      expect(await machine.readFile('/srv/none')).toBeUndefined();
      await machine.writeFile('/srv/deep/file', 'other');
      expect(await machine.readFile('/srv/deep/file')).toBe('other');
    }));

  test('os-release is a record', () =>
    use(async (machine) => {
      expect(await machine.osRelease()).toMatchObject({ ID: 'debian' });
    }));

  test('a program gives its output by stream and its exit code', () =>
    use(async (machine) => {
      const seen = { stdout: '', stderr: '' };
      const argv = ['/bin/sh', '-c', 'echo out; echo err >&2; exit 7'];
      const outcome = await machine.exec({ argv }, ({ stream, text }) => {
        seen[stream] += text;
      });
      expect(outcome).toEqual({ type: 'exited', code: 7 });
      expect(seen).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    }));
}
