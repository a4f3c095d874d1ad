import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { innerAssertions, outerAssertions } from '../../../src/checks/boot/assertions.ts';
import { bootOptions } from '../../../src/checks/boot/options.ts';
import type { VirtualMachine } from '../../../src/builders/qemu/virtual-machine.ts';
import type { SshSession } from '../../../src/communicators/ssh/ssh-session.ts';

/** A machine whose port 80 is a server of this test and whose console shows the text. */
async function machineWith(server: Server, consoleText = ''): Promise<VirtualMachine> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const outside = (server.address() as AddressInfo).port;
  const stub = {
    forwards: new Map([[80, outside]]),
    console: { text: consoleText, read: () => Promise.resolve('') },
    monitor: () =>
      Promise.resolve(
        `  TCP[ESTABLISHED]   22       127.0.0.1  ${outside}       10.0.2.15    80     0     0\n(qemu) `,
      ),
  };
  return stub as unknown as VirtualMachine;
}

async function outcome(
  options: object,
  machine: VirtualMachine,
  session?: SshSession,
): Promise<string | undefined> {
  const parsed = bootOptions.parse(options);
  const [assertion] = [
    ...outerAssertions(parsed),
    ...(session === undefined ? [] : innerAssertions(parsed, session)),
  ];
  return await assertion?.check(machine);
}

const web = () =>
  createHttpServer((request, response) => {
    response.statusCode = request.url === '/' ? 200 : 404;
    response.end(`It works at ${request.headers.host}`);
  });

describe('assertions', () => {
  it.each([
    [{ http: [{ contains: 'It works' }] }, undefined],
    [{ http: [{ contains: 'at example.org', host: 'example.org' }] }, undefined],
    [{ http: [{ path: '/missing', status: 404 }] }, undefined],
    [{ http: [{ path: '/missing' }] }, 'it answers with 404'],
    [{ http: [{ contains: 'Other' }] }, 'the answer begins "It works at localhost"'],
    [{ ports: [80] }, undefined],
    [{ console: ['login:'] }, undefined],
    [{ console: ['panic'] }, 'it does not'],
  ])('%j', async (options, expected) => {
    expect(await outcome(options, await machineWith(web(), 'web login: '))).toBe(expected);
  });

  it('reads a banner, and says what else it got', async () => {
    const server = () => createServer((socket) => void socket.end('SSH-2.0-test\r\n'));
    expect(
      await outcome({ ports: [{ port: 80, banner: 'SSH-2.0' }] }, await machineWith(server())),
    ).toBeUndefined();
    expect(await outcome({ ports: [{ port: 80, banner: 'FTP' }] }, await machineWith(server()))).toBe(
      'it says "SSH-2.0-test\\r\\n"',
    );
  });

  it.each([
    [{ units: ['nginx.service'] }, { code: 0, stdout: 'active\n', stderr: '' }, undefined],
    [{ units: ['nginx.service'] }, { code: 3, stdout: 'failed\n', stderr: '' }, 'it is failed'],
    [{ commands: [{ run: 'true' }] }, { code: 0, stdout: '', stderr: '' }, undefined],
    [
      { commands: [{ run: 'x' }] },
      { code: 127, stdout: '', stderr: 'x: not found\n' },
      'it ended with 127: x: not found',
    ],
    [
      { commands: [{ run: 'id', contains: 'root' }] },
      { code: 0, stdout: 'web\n', stderr: '' },
      'its output does not hold "root": "web\\n"',
    ],
  ])('%j with %j', async (options, result, expected) => {
    const session = { exec: () => Promise.resolve(result) } as unknown as SshSession;
    expect(await outcome(options, await machineWith(web()), session)).toBe(expected);
  });
});
