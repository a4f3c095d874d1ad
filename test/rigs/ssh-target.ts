import { expect, onTestFinished } from 'vitest';
import { connect, type SshConnectOptions } from '../../src/communicators/ssh/connect.ts';
import {
  SshCommunicator,
  type SshCommunicatorOptions,
} from '../../src/communicators/ssh/ssh-communicator.ts';
import type { SshConnection } from '../../src/communicators/ssh/ssh-connection.ts';
import type { SshTarget } from '../../src/communicators/ssh/ssh-target.ts';
import type { TestSshd } from './sshd.ts';

/** The target of a test server, by key unless told. */
export function targetOf(server: TestSshd, changes: Partial<SshTarget> = {}): SshTarget {
  const { host, port, user, key } = server;
  return { host, port, user, privateKey: key.privateKey, ...changes };
}

/** Without a key. */
export function keyless(server: TestSshd, changes: Partial<SshTarget> = {}): SshTarget {
  const { host, port, user } = server;
  return { host, port, user, ...changes };
}

/** One connection, ended with the test. */
export async function connectTo(
  target: SshTarget,
  options: Partial<SshConnectOptions> = {},
): Promise<SshConnection> {
  const connection = await connect(target, {
    signal: new AbortController().signal,
    deadline: performance.now() + 10_000,
    ...options,
  });
  onTestFinished(() => connection[Symbol.asyncDispose]());
  return connection;
}

/** A communicator, ended with the test. */
export async function communicateWith(
  target: SshTarget,
  options: Partial<SshCommunicatorOptions> = {},
): Promise<SshCommunicator> {
  const communicator = await SshCommunicator.connect(target, {
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    ...options,
  });
  onTestFinished(() => communicator[Symbol.asyncDispose]());
  return communicator;
}

/** What a rejection with one failure looks like. */
export function failure(reason: string, message: RegExp): { failures: unknown[] } {
  return { failures: [{ reason, message: expect.stringMatching(message) as string }] };
}
