import type { Communicator } from '../../communicators/communicator.ts';
import { pauseBeforeConnecting } from '../pause-before-connecting.ts';
import { NoCommunicator } from '../../communicators/no-communicator.ts';
import {
  checkLogin,
  communicatorFromOptions,
  targetFromOptions,
} from '../../communicators/ssh/target-from-options.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { DrivenMachine, DriverContext, MachineDriver } from '../machine-builder.ts';
import type { NullOptions } from '../null.ts';
import { RemoteMachine } from '../remote-machine.ts';

/** The machine that the options name; started by nobody here. */
export function openNull(options: NullOptions, context: DriverContext): MachineDriver {
  return {
    start: async () => new GivenMachine(await connect(options, context), options, context),
    resume: () =>
      Promise.reject(
        new FailureError({
          reason: 'step-failed',
          message: 'a machine that is not ours cannot be brought back into an earlier state',
        }),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function connect(options: NullOptions, context: DriverContext): Promise<Communicator> {
  if (options.communicator === 'none') return new NoCommunicator('none');
  const { SshCommunicator } = await import('../../communicators/ssh/ssh-communicator.ts');
  const surroundings = {
    agent: process.env['SSH_AUTH_SOCK'],
    resolvePath: context.resolvePath,
    prompt: context.ask,
  };
  await checkLogin(options, surroundings);
  const target = await targetFromOptions(options, surroundings);
  context.log(`Using SSH communicator to connect: ${target.host}`);
  context.log('Waiting for SSH to become available...');
  const communicator = await SshCommunicator.connect(target, {
    ...communicatorFromOptions(options),
    signal: context.signal,
    onRetry: context.status,
  });
  context.log('Connected to SSH!');
  await pauseBeforeConnecting(communicator, options, context);
  return communicator;
}

class GivenMachine extends RemoteMachine implements DrivenMachine {
  readonly facts: Readonly<Record<string, string>>;

  constructor(communicator: Communicator, options: NullOptions, context: DriverContext) {
    const { architecture, sourceDateEpoch } = context.pipeline;
    const { ssh_password: password } = options;
    super({
      communicator,
      architecture,
      sourceDateEpoch,
      onOutput: context.output,
      ...(password === undefined ? {} : { password }),
    });
    this.facts = factsOf(options);
  }

  snapshot(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.communicator[Symbol.asyncDispose]();
  }
}

function factsOf(options: NullOptions): Readonly<Record<string, string>> {
  const ID = 'Null';
  if (options.communicator === 'none') return { ID };
  return {
    ID,
    Host: options.ssh_host ?? '',
    Port: String(options.ssh_port),
    User: options.ssh_username ?? '',
    Password: options.ssh_password ?? '',
    ConnType: options.communicator,
    SSHPublicKey: '',
    SSHPrivateKey: '',
    SSHPrivateKeyFile: options.ssh_private_key_file ?? '',
    SSHAgentAuth: String(options.ssh_agent_auth),
    WinRMPassword: '',
  };
}
