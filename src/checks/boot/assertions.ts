import { request } from 'node:http';
import { connect } from 'node:net';
import type { VirtualMachine } from '../../builders/qemu/virtual-machine.ts';
import type { SshSession } from '../../communicators/ssh/ssh-session.ts';
import type { BootOptions } from './options.ts';

/** One thing to be true of the machine. `check` gives undefined when it is, else what was found instead. */
export interface Assertion {
  /** As it is shown to the user, e.g. `port 80 is open`. */
  readonly name: string;
  /** Tries once; called again until it holds or the time is over. */
  readonly check: (machine: VirtualMachine) => Promise<string | undefined>;
}

/** Assertions that need no login. */
export function outerAssertions(options: BootOptions): Assertion[] {
  return [
    ...options.console.map((text) => consoleAssertion(text)),
    ...options.ports.map((item) =>
      typeof item === 'number'
        ? openPort(item)
        : item.banner === undefined
          ? openPort(item.port)
          : banner(item.port, item.banner),
    ),
    ...options.http.map((item) => httpAssertion(item)),
  ];
}

/** Assertions inside the machine. */
export function innerAssertions(options: BootOptions, session: SshSession): Assertion[] {
  return [
    ...options.units.map((unit) => unitAssertion(unit, session)),
    ...options.commands.map((command) => commandAssertion(command, session)),
  ];
}

const TRY_MS = 5000;

function consoleAssertion(text: string): Assertion {
  return {
    name: `the console shows ${JSON.stringify(text)}`,
    check: async (machine) => {
      await machine.console.read();
      return machine.console.text.includes(text) ? undefined : 'it does not';
    },
  };
}

/**
 * QEMU accepts a connection to a forwarded port before the machine has; so its own table of connections is asked
 * whether the machine took it.
 */
function openPort(port: number): Assertion {
  return {
    name: `port ${port} is open`,
    check: async (machine) => {
      const outside = forwarded(machine, port);
      const socket = connect(outside, '127.0.0.1');
      socket.on('error', () => undefined);
      try {
        const deadline = performance.now() + TRY_MS;
        while (performance.now() < deadline && !socket.closed) {
          const table = await machine.monitor('info usernet');
          if (new RegExp(`TCP\\[ESTABLISHED\\] +\\d+ +127\\.0\\.0\\.1 +${outside} `).test(table))
            return undefined;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return socket.closed ? 'nothing listens on it' : 'the machine does not answer';
      } finally {
        socket.destroy();
      }
    },
  };
}

function banner(port: number, text: string): Assertion {
  return {
    name: `port ${port} greets with ${JSON.stringify(text)}`,
    check: (machine) =>
      new Promise((resolve) => {
        let received = '';
        const socket = connect(forwarded(machine, port), '127.0.0.1');
        const end = (): void => {
          socket.destroy();
          if (received.includes(text)) resolve(undefined);
          else
            resolve(received === '' ? 'it says nothing' : `it says ${JSON.stringify(received.slice(0, 80))}`);
        };
        socket.setTimeout(TRY_MS, end);
        socket.setEncoding('utf8').on('data', (data: string) => {
          received += data;
          if (received.includes(text) || received.length > 4096) end();
        });
        socket.once('error', end);
        socket.once('close', end);
      }),
  };
}

const LONGEST_BODY = 2 ** 20;

function httpAssertion(item: BootOptions['http'][number]): Assertion {
  const what =
    item.contains === undefined
      ? `with ${item.status}`
      : `with ${item.status} and ${JSON.stringify(item.contains)}`;
  return {
    name: `http on port ${item.port} answers ${item.path} ${what}`,
    check: (machine) =>
      new Promise((resolve) => {
        const outgoing = request(
          {
            host: '127.0.0.1',
            port: forwarded(machine, item.port),
            path: item.path,
            headers: { host: item.host ?? 'localhost' },
            agent: false,
            timeout: TRY_MS,
          },
          (incoming) => {
            let body = '';
            incoming.setEncoding('utf8');
            incoming.on('data', (text: string) => {
              if (body.length < LONGEST_BODY) body += text;
            });
            incoming.once('error', (error) => resolve(error.message));
            incoming.once('end', () => {
              if (incoming.statusCode !== item.status) resolve(`it answers with ${incoming.statusCode}`);
              else if (item.contains !== undefined && !body.includes(item.contains)) {
                resolve(`the answer begins ${JSON.stringify(body.slice(0, 120))}`);
              } else resolve(undefined);
            });
          },
        );
        outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
        outgoing.once('error', (error) => resolve(error.message));
        outgoing.end();
      }),
  };
}

function unitAssertion(unit: string, session: SshSession): Assertion {
  return {
    name: `unit ${unit} is active`,
    check: async () => {
      const { stdout } = await session.exec(`systemctl is-active -- '${unit.replaceAll("'", `'\\''`)}'`);
      const state = stdout.trim();
      return state === 'active' ? undefined : `it is ${state === '' ? 'unknown' : state}`;
    },
  };
}

function commandAssertion(command: BootOptions['commands'][number], session: SshSession): Assertion {
  return {
    name: `command ${JSON.stringify(command.run)} ends with ${command.exitCode}`,
    check: async () => {
      const { code, signal, stdout, stderr } = await session.exec(command.run);
      const said = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? '';
      if (code !== command.exitCode)
        return `it ended with ${code ?? signal}${said === '' ? '' : `: ${said.slice(0, 200)}`}`;
      if (command.contains === undefined || stdout.includes(command.contains)) return undefined;
      return `its output does not hold ${JSON.stringify(command.contains)}: ${JSON.stringify(stdout.slice(0, 200))}`;
    },
  };
}

function forwarded(machine: VirtualMachine, port: number): number {
  const outside = machine.forwards.get(port);
  if (outside === undefined) throw new Error(`port ${port} is not forwarded`);
  return outside;
}
