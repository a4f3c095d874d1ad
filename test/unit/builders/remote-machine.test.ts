import { describe, expect, test } from 'vitest';
import { FakeCommunicator, remoteMachine, type FakeAnswer } from '../../rigs/remote-machine.ts';

const ROOT: FakeAnswer = { when: /^id -u;/, stdout: '0\nroot\n' };
const PASSWD: FakeAnswer = {
  when: /cat \/etc\/passwd/,
  stdout: 'root:x:0:0::/root:/bin/sh\nweb:x:33:34:Web:/var/www:/bin/sh\n',
};

const failing = (reason: string, message: RegExp): object => ({
  failures: [{ reason, message: expect.stringMatching(message) as string }],
});

describe('a machine behind a communicator', () => {
  test('shows neither arguments, environment, input nor secrets in a command line', async () => {
    const communicator = new FakeCommunicator([ROOT]);
    const { machine } = remoteMachine(communicator);
    await machine.exec({
      argv: ['prog', 'arg-value'],
      env: { TOKEN: 'env-value' },
      stdin: 'input-value',
      mounts: [{ type: 'secret', value: 'file-value', target: '/run/secrets/x', mode: 0o400 }],
    });
    const [, command] = communicator.commands;
    expect(command?.pty).toBe(false);
    expect(command?.command).not.toMatch(/value/);
    for (const text of ['arg-value', 'env-value', 'input-value', 'file-value'])
      expect(command?.stdin).toContain(text);
  });

  test('asks once how root is reached, and then runs everything so', async () => {
    const communicator = new FakeCommunicator([
      { when: /^id -u;/, stdout: '1000\nadmin\n' },
      { when: /^sudo -n id/, stdout: '0\n' },
    ]);
    const { machine } = remoteMachine(communicator);
    await machine.exec({ argv: ['true'] });
    await machine.writeFile('/x', 'y');
    expect(communicator.commands.map(({ command }) => command.split(' --')[0])).toEqual([
      'id -u; id -un',
      'sudo -n id -u',
      'exec sudo -n',
      'exec sudo -n',
    ]);
  });

  test('an error that comes before the answer does not hide who is logged in, and root needs no sudo', async () => {
    const communicator = new FakeCommunicator([
      { when: /^id -u;/, stdout: '0\nroot\n', stderr: 'sh: odd profile\n', errorsFirst: true },
    ]);
    const { machine } = remoteMachine(communicator);
    await machine.exec({ argv: ['true'] });
    expect(communicator.commands[1]?.command).toMatch(/^exec env -i/);
  });

  test('gives sudo the password that logged in, when it wants one', async () => {
    const communicator = new FakeCommunicator([
      { when: /^id -u;/, stdout: '1000\nadmin\n' },
      { when: /^sudo -n id/, stderr: 'sudo: a password is required\n' },
      { when: /sudo -k -S .* id -u\npass\n$/, stdout: '0\n' },
    ]);
    const { machine } = remoteMachine(communicator, { password: 'pass' });
    await machine.exec({ argv: ['true'] });
    const last = communicator.commands.at(-1);
    expect(last?.command).toMatch(/^exec sudo -k -S -p '' -- env -i/);
    expect(last?.stdin).toMatch(/^pass\n/);
    expect(last?.command).not.toContain('pass');
  });

  test('says who cannot become root, and why', async () => {
    const answers = [
      { when: /^id -u;/, stdout: '1000\nadmin\n' },
      { when: /^sudo -n id/, stderr: 'sudo: a password is required\n' },
      { when: /sudo -k -S/, stderr: 'sudo: 1 incorrect password attempt\n' },
    ];
    const { machine } = remoteMachine(new FakeCommunicator(answers), { password: 'wrong' });
    await expect(machine.exec({ argv: ['true'] })).rejects.toMatchObject(
      failing('permission-denied', /admin cannot become root: sudo: a password is required/),
    );
  });

  test('runs as another user with that user’s surroundings', async () => {
    const communicator = new FakeCommunicator([ROOT, PASSWD]);
    const { machine } = remoteMachine(communicator);
    await machine.exec({ argv: ['id'], user: 'web' });
    const script = communicator.commands.at(-1)?.stdin ?? '';
    expect(script).toContain('export HOME=/var/www');
    expect(script).toMatch(/exec setpriv --reuid=33 --regid=34 --init-groups --inh-caps=-all -- id </);
    await expect(machine.exec({ argv: ['id'], user: 'wbe' })).rejects.toMatchObject(
      failing('step-failed', /no user "wbe"/),
    );
  });

  test('a connection that breaks is no end of a program', async () => {
    const broken: FakeAnswer = { when: /poweroff/, outcome: { type: 'disconnected' } };
    const { machine } = remoteMachine(new FakeCommunicator([ROOT, broken]));
    await expect(machine.exec({ argv: ['poweroff'] })).rejects.toMatchObject(
      failing('communicator-failed', /broke during: poweroff/),
    );
  });

  test('long texts and such with NUL are uploaded', async () => {
    const communicator = new FakeCommunicator([ROOT]);
    const { machine } = remoteMachine(communicator);
    await machine.writeFile('/small', 'x');
    expect(communicator.uploads).toEqual([]);
    await machine.writeFile('/nul', 'a\0b');
    await machine.writeFile('/large', 'x'.repeat(300_000));
    expect(communicator.uploads).toHaveLength(2);
  });

  test('output of quiet programs stays out of the log', async () => {
    const { machine, logged } = remoteMachine(
      new FakeCommunicator([ROOT, { when: /exec prog/, stdout: 'seen\n' }]),
    );
    let seen = '';
    await machine.exec({ argv: ['prog'], quiet: true }, ({ text }) => void (seen += text));
    expect([seen, logged]).toEqual(['seen\n', []]);
    await machine.exec({ argv: ['prog'] });
    expect(logged).toEqual(['seen\n']);
  });
});
