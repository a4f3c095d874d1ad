import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LookIn } from '../../../src/executor/look-in.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const FACTS = { SSHPrivateKey: 'the key', Host: '127.0.0.1', Port: '2222', User: 'debian' };

function lookInto(stepwise: boolean) {
  const directory = temporaryFolder();
  const told: string[] = [];
  const ledger: string[] = [];
  const services = {
    stepwise,
    sink: {
      ask: ({ question }: { question: string }) => {
        told.push(question);
        return Promise.resolve('continue');
      },
    },
    journal: {
      add: ({ path }: { path: string }) => {
        ledger.push(path);
        return () => ledger.splice(ledger.indexOf(path), 1);
      },
    },
  };
  const scope = { log: (line: string) => told.push(line) };
  const look = new LookIn(services as unknown as ConstructorParameters<typeof LookIn>[0]);
  type Pause = Parameters<LookIn['pause']>;
  const pause = async (facts: Pause[1]): Promise<void> =>
    await look.pause({ name: 'qemu.web server', directory } as Pause[0], facts, scope as unknown as Pause[2]);
  return { look, pause, told, ledger, file: join(directory, 'qemu.web_server.pem') };
}

it('the key of a machine lies beside the template while the run stops before steps', async () => {
  const { look, pause, told, ledger, file } = lookInto(true);
  // Of a run that was killed: it may be readable to others.
  writeFileSync(file, 'old', { mode: 0o644 });
  await pause(FACTS);
  await pause(FACTS);
  expect(readFileSync(file, 'utf8')).toBe('the key');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const how = 'To look into the machine: ssh -i qemu.web_server.pem -p 2222 debian@127.0.0.1';
  const stop = 'Pausing before the next provisioner . Press enter to continue.';
  expect(told).toEqual(['Saving key for debug purposes: qemu.web_server.pem', how, stop, how, stop]);
  expect(ledger).toEqual([file]);
  look[Symbol.dispose]();
  expect(existsSync(file)).toBe(false);
  expect(ledger).toEqual([]);
});

it('without a key there is only the question, and in other runs not even that', async () => {
  const debugged = lookInto(true);
  await debugged.pause({ Host: 'h', SSHPrivateKey: '' });
  expect(debugged.told).toHaveLength(1);
  const plain = lookInto(false);
  await plain.pause(FACTS);
  expect(plain.told).toEqual([]);
  expect(existsSync(plain.file)).toBe(false);
});
