import { describe, expect, test } from 'vitest';
import { FakeMachine } from '../../rigs/fake-machine.ts';
import { machineContract } from '../../rigs/machine-contract.ts';

describe('the fake machine keeps the contract of machines', () => {
  machineContract((body) =>
    body(
      new FakeMachine({ '/etc/os-release': 'ID=debian\n' }, [
        { when: /exit 7/, stdout: 'out\n', stderr: 'err\n', code: 7 },
      ]),
    ),
  );
});

test('it records commands, and what nobody answers succeeds silently', async () => {
  const machine = new FakeMachine();
  expect(await machine.exec({ argv: ['a', 'b\nc'] })).toEqual({ type: 'exited', code: 0 });
  expect(machine.words).toEqual(['a …']);
});
