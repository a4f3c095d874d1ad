import * as z from 'zod';
import { durationField } from '../../schema/fields.ts';

const port = z.int().min(1).max(65535);

const httpAssertion = z.strictObject({
  port: port.default(80).describe('TCP port in the machine.'),
  path: z.string().startsWith('/').default('/').describe('Path and query of the request.'),
  host: z.string().optional().describe('`Host` header. Default: `localhost`.'),
  status: z.int().min(100).max(599).default(200).describe('Status code that the answer must have.'),
  contains: z.string().optional().describe('Text that the answer must hold.'),
});

const portAssertion = z.union([
  port,
  z.strictObject({
    port: port.describe('TCP port in the machine.'),
    banner: z.string().optional().describe('Text with which the server must greet, e.g. `SSH-2.0`.'),
  }),
]);

const commandAssertion = z.strictObject({
  run: z.string().min(1).describe("Command line, run by the user's shell."),
  exitCode: z.int().min(0).max(255).default(0).describe('Exit code that it must end with.'),
  contains: z.string().optional().describe('Text that its standard output must hold.'),
});

export const bootOptions = z.strictObject({
  firmware: z
    .enum(['bios', 'uefi'])
    .optional()
    .describe('Firmware of the machine. Default: `bios`, or `uefi` when the disk boots by that only.'),
  memory: z.int().min(64).default(1024).describe('Memory of the machine, in MiB.'),
  cpus: z.int().min(1).max(64).default(2).describe('Processors of the machine.'),
  timeout: durationField()
    .default(300_000)
    .describe('Longest time for booting and all assertions. Without KVM a boot takes ten times as long.'),
  ready: z
    .string()
    .min(1)
    .default('login:')
    .describe('Text on the serial console that tells that the machine is up.'),
  grace: durationField()
    .default(60_000)
    .describe('How long after that an assertion may take to become true.'),
  console: z.array(z.string().min(1)).default([]).describe('Texts that must appear on the serial console.'),
  ports: z.array(portAssertion).default([]).describe('TCP ports that must be open.'),
  http: z.array(httpAssertion).default([]).describe('HTTP requests and what must come back.'),
  units: z.array(z.string().min(1)).default([]).describe('systemd units that must be active.'),
  commands: z.array(commandAssertion).default([]).describe('Commands to run in the machine over SSH.'),
  user: z
    .string()
    .min(1)
    .default('root')
    .describe('User for units and commands; must exist in the image and may log in by key.'),
});

export type BootOptions = z.output<typeof bootOptions>;

/** Whether a check must log in. */
export function needsSsh(options: BootOptions): boolean {
  return options.units.length > 0 || options.commands.length > 0;
}
