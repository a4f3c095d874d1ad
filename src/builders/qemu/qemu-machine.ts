import { copyFile, link, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { removeAuthorizedKey } from '../../communicators/ssh/authorized-keys.ts';
import type { SshCommunicator } from '../../communicators/ssh/ssh-communicator.ts';
import type { CommandLine } from '../../communicators/communicator.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { Digest } from '../../model/ids.ts';
import type { ExecOutcome, OutputChunk } from '../../layers/workspace.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import type { DrivenMachine, DriverContext, Snapshot } from '../machine-builder.ts';
import type { MachineCommand } from '../machine.ts';
import { RemoteMachine } from '../remote-machine.ts';
import { makeOverlay, writeFlatDisk } from './disk-image.ts';
import type { Login } from './login.ts';
import {
  diskFile,
  RECORD_FILE,
  STATE_FILE,
  TPM_FILE,
  VARIABLES_FILE,
  type FirstFiles,
  type MachineRecord,
} from './machine-record.ts';
import { saveState, switchDisks, whileStopped } from './machine-state.ts';
import type { QemuOptions } from './options.ts';
import type { Tpm } from './tpm.ts';
import type { RunningMachine } from './running-machine.ts';

export interface QemuMachineParts {
  readonly running: RunningMachine;
  readonly communicator: SshCommunicator;
  readonly login: Login;
  readonly options: QemuOptions;
  readonly context: DriverContext;
  /** Folder beside the snapshots' in which the disks are that take the writes, and what else the next snapshot gets. */
  readonly active: string;
  /** Files of the next snapshot that are in `active` already. */
  readonly first: FirstFiles;
  readonly record: Omit<MachineRecord, 'state'>;
  /** See `stateIdentity`. */
  readonly identity: string;
  readonly variables: string | undefined;
  readonly tpm: Tpm | undefined;
  readonly parent: Digest | undefined;
  readonly facts: Readonly<Record<string, string>>;
  /** Ends what runs beside the machine (web server, TPM). */
  readonly release: () => Promise<void>;
}

/** How long a broken connection may have a reason that QEMU has yet to tell. */
const REASON_MS = 20_000;

/** Longest time for cloud-init's first run. */
const SEED_MS = 600_000;

/** A virtual machine that a build drives: SSH into it, QMP around it, and disks that grow by one file with each snapshot. */
export class QemuMachine extends RemoteMachine implements DrivenMachine {
  readonly facts: Readonly<Record<string, string>>;
  readonly #parts: QemuMachineParts;
  readonly #ssh: SshCommunicator;
  #disks: string[];
  #generation = 0;
  #first: FirstFiles;
  #parent: Digest | undefined;
  #restarts: number;
  holdsSecrets = false;
  #isOver = false;

  constructor(parts: QemuMachineParts) {
    const { communicator, context, options } = parts;
    super({
      communicator,
      architecture: context.pipeline.architecture,
      sourceDateEpoch: context.pipeline.sourceDateEpoch,
      onOutput: (chunk) => context.output(chunk),
      ...(options.ssh_password !== undefined && { password: options.ssh_password }),
    });
    this.#parts = parts;
    this.#ssh = communicator;
    this.facts = parts.facts;
    this.#disks = parts.record.disks.map((_, index) => join(parts.active, diskFile(index)));
    this.#first = parts.first;
    this.#parent = parts.parent;
    this.#restarts = parts.running.restarts;
    // The network of the machine does not tell: the connection would stand until the new system refuses its packets.
    parts.running.onRestart = () => communicator.drop();
  }

  /** Makes a machine that has just been reached ready for steps. */
  async prepare(how: { readonly isResumed: boolean; readonly hasSeed: boolean }): Promise<void> {
    // A machine that got its memory back lives in the moment in which it was kept.
    const { context } = this.#parts;
    if (how.isResumed && !(await this.#setClock()))
      context.log('the clock is not set: whoever is logged in cannot become root');
    if (!how.hasSeed) return;
    context.status('waits for cloud-init');
    const { stdout } = await this.#ssh.exec(AWAIT_SEED, { timeoutMs: SEED_MS });
    if (stdout !== '') context.log(`cloud-init has ended with an error:\n${stdout.trimEnd()}`);
  }

  override async exec(
    command: MachineCommand,
    onOutput?: (chunk: OutputChunk) => void,
  ): Promise<ExecOutcome> {
    return await this.#explained(command.argv.join(' '), () => super.exec(command, onOutput));
  }

  async snapshot(): Promise<Snapshot> {
    await this.#settle();
    const { context, options, running } = this.#parts;
    const wantsState = options.snapshots === 'live' || (options.snapshots === 'auto' && !this.holdsSecrets);
    const began = performance.now();
    const snapshot = await whileStopped(running.qmp, () => this.#keep(wantsState));
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    context.log(`kept the machine's state in ${seconds} s: ${snapshot.size} bytes`);
    this.#parent = snapshot.digest;
    return snapshot;
  }

  async reboot(command?: CommandLine): Promise<void> {
    const { options, context } = this.#parts;
    context.status('restarts');
    // The answer must get out before the network goes.
    if (command === undefined)
      await this.runScript('(sleep 2; systemctl reboot || reboot) >/dev/null 2>&1 &', 'restarting');
    const { durationMs } = await this.#ssh.reboot({
      command: command?.command ?? 'true',
      timeoutMs: command?.timeoutMs ?? options.reboot_timeout,
    });
    this.#restarts = this.#parts.running.restarts;
    context.log(`restarted in ${(durationMs / 1000).toFixed(1)} s`);
  }

  async writeDisk(target: string): Promise<void> {
    const { context, options } = this.#parts;
    await this.#settle();
    await this.#removeKey();
    if (!options.skip_compaction) {
      context.status('trims file systems');
      await this.#asRoot('fstrim -a >/dev/null 2>&1; true', 'trimming file systems');
    }
    await this.#shutDown();
    context.status('writes the disk');
    const [disk = ''] = this.#disks;
    const { signal } = context;
    await writeFlatDisk(disk, target, { signal, more: options.qemu_img_args?.convert ?? [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#ssh[Symbol.asyncDispose]();
    await this.#parts.release();
  }

  /** Puts a snapshot together while the machine stands still, and gives the machine new disks to write to. */
  async #keep(wantsState: boolean): Promise<Snapshot> {
    const { context } = this.#parts;
    const staged = await context.snapshots.stage();
    try {
      await this.#fill(staged, wantsState);
    } catch (error) {
      await rm(staged, { recursive: true, force: true });
      throw error;
    }
    const snapshot = await context.snapshots.commit(
      staged,
      this.#parent === undefined ? {} : { parent: this.#parent },
      this.#first,
    );
    await this.#goOnUpon(snapshot.digest);
    this.#first = new Map();
    return snapshot;
  }

  /** Puts the files of a snapshot into a folder. */
  async #fill(staged: string, wantsState: boolean): Promise<void> {
    const { context, active, record, running, identity, variables, tpm } = this.#parts;
    const problem = wantsState
      ? await saveState(running.qmp, join(staged, STATE_FILE), context.signal)
      : 'not asked for';
    if (problem !== undefined && wantsState)
      context.log(`memory is not kept, so going on from here means booting: ${problem}`);
    for (const [index, path] of this.#disks.entries()) await link(path, join(staged, diskFile(index)));
    for (const name of this.#first.keys()) await link(join(active, name), join(staged, name));
    if (variables !== undefined) await copyFile(variables, join(staged, VARIABLES_FILE));
    await tpm?.save(join(staged, TPM_FILE));
    const state = problem === undefined ? { state: identity } : {};
    await writeFile(join(staged, RECORD_FILE), JSON.stringify({ ...record, ...state }));
  }

  async #goOnUpon(snapshot: Digest): Promise<void> {
    const { context, active, record, running, options } = this.#parts;
    this.#generation += 1;
    const next = record.disks.map((_, index) => join(active, `${this.#generation}-${diskFile(index)}`));
    const below = context.snapshots.folder(snapshot).split('/').at(-1) ?? '';
    for (const [index, path] of next.entries()) {
      await makeOverlay(path, {
        below: `../${below}/${diskFile(index)}`,
        size: record.disks[index] ?? 0,
        signal: context.signal,
        create: options.qemu_img_args?.create ?? [],
      });
    }
    await switchDisks(running.qmp, new Map(this.#disks.map((path, index) => [path, next[index] ?? ''])));
    this.#disks = next;
  }

  /** Everything written is on the disks; a machine that restarts just now is waited for. */
  async #settle(): Promise<void> {
    const { running, context, options } = this.#parts;
    const deadline = performance.now() + options.reboot_timeout;
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Not as root: who logs in may not be able to become it, and need not.
        const { stdout } = await this.#ssh.exec('systemctl is-system-running 2>/dev/null & sync; wait');
        if (stdout.trim() !== 'stopping' || performance.now() > deadline) break;
        // It is on its way down: the connection breaks when it gets there.
        attempt = 0;
        await sleep(STOPPING_MS);
      } catch (error) {
        if (!isBroken(error) || attempt === TRIES) throw error;
        if (await running.hasEnded(attempt * 1000))
          throw lost('the machine switched itself off', LEAVE_ON, error);
        await this.#ssh.reconnect(options.reboot_timeout);
      }
    }
    if (running.restarts === this.#restarts) return;
    context.log('the machine has restarted during the step');
    this.#restarts = running.restarts;
  }

  /** Runs something in the machine; when the connection breaks, says what became of the machine. */
  async #explained<T>(what: string, body: () => Promise<T>): Promise<T> {
    const { running } = this.#parts;
    const before = running.restarts;
    try {
      return await body();
    } catch (error) {
      if (!isBroken(error)) throw error;
      const deadline = performance.now() + REASON_MS;
      while (performance.now() < deadline && running.restarts === before) {
        if (await running.hasEnded(200)) break;
      }
      const short = what.split('\n')[0]?.slice(0, 100) ?? '';
      if (running.vm.exit !== undefined)
        throw lost(`the machine was switched off during: ${short}`, LEAVE_ON, error);
      if (running.restarts !== before) {
        const hint = 'let a step of its own restart it, which waits until it is back';
        throw lost(`the machine restarted during: ${short}`, hint, error);
      }
      throw error;
    }
  }

  /** Takes the build's key out of the accounts it was put in. */
  async #removeKey(): Promise<void> {
    const { key, user, bySeed } = this.#parts.login;
    if (key === undefined) return;
    const blob = key.publicKey.trim().split(/\s+/)[1] ?? '';
    const script = `for home in /root "$(getent passwd ${shellQuote(user)} 2>/dev/null | cut -d: -f6)" /home/*; do
  file="$home/.ssh/authorized_keys"
  [ -f "$file" ] && grep -qF ${shellQuote(blob)} "$file" || continue
  kept=$(grep -vF ${shellQuote(blob)} "$file"; echo .)
  printf %s "\${kept%.}" >"$file"
  [ -s "$file" ] || { rm -f "$file"; rmdir "$home/.ssh" 2>/dev/null; }
done
${bySeed ? FORGET_SEED : ''}
sync`;
    if (!(await this.#asRoot(script, "taking out the build's key")))
      await removeAuthorizedKey(this.#ssh, key.publicKey);
  }

  async #setClock(): Promise<boolean> {
    const now = `date -u -s @${Math.floor(Date.now() / 1000)} >/dev/null`;
    // In one go for most; finding out how to become root takes a command of its own.
    const { code } = await this.#ssh.exec(`${now} 2>&1 || sudo -n ${now} 2>&1`);
    if (code === 0) return true;
    return await this.#asRoot(now, 'setting the clock');
  }

  /** Runs a script of root. @returns false when whoever is logged in cannot become root */
  async #asRoot(script: string, what: string): Promise<boolean> {
    try {
      await this.runScript(script, what);
      return true;
    } catch (error) {
      if (error instanceof FailureError && error.failures[0]?.reason === 'permission-denied') return false;
      throw error;
    }
  }

  async #shutDown(): Promise<void> {
    const { running, options, context } = this.#parts;
    context.status('shuts down');
    running.isWatched = true;
    if (options.shutdown_command === '') {
      const command = '(sleep 1; systemctl poweroff || poweroff) >/dev/null 2>&1 &';
      await this.runScript(command, 'shutting down').catch(() => undefined);
      if (!(await running.hasEnded(Math.min(60_000, options.shutdown_timeout))))
        await running.qmp.execute('system_powerdown', z.unknown()).catch(() => undefined);
    } else {
      const { shutdown_command: command, shutdown_timeout: timeoutMs } = options;
      const onOutput = (chunk: OutputChunk): void => context.output(chunk);
      // The connection may go before the answer comes.
      await this.#ssh.run({ command, timeoutMs, onOutput }).catch(() => undefined);
    }
    if (await running.hasEnded(options.shutdown_timeout)) return;
    throw new FailureError({
      reason: 'step-failed',
      message: `the machine did not shut down within ${options.shutdown_timeout / 1000} s`,
      hint: 'set `shutdown_command`, or raise `shutdown_timeout`',
      excerpt: running.console.lastLines(15),
    });
  }
}

/** Waits for cloud-init's first run; what goes wrong in it need not matter to the build, and is told. */
const AWAIT_SEED = `command -v cloud-init >/dev/null || exit 0
cloud-init status --wait >/dev/null 2>&1 || cloud-init status --long 2>&1`;

/** cloud-init keeps the user data of each instance it has seen, and with ours the key. */
const FORGET_SEED = `rm -rf /var/lib/cloud/instances/imgpipe-*
[ -e /var/lib/cloud/instance ] || rm -f /var/lib/cloud/instance`;

const LEAVE_ON = 'let the step leave the machine running';
const TRIES = 3;
const STOPPING_MS = 500;

function isBroken(error: unknown): boolean {
  return error instanceof FailureError && error.failures[0]?.reason === 'communicator-failed';
}

function lost(message: string, hint: string, cause: unknown): FailureError {
  return new FailureError({ reason: 'step-failed', message, hint, cause });
}
