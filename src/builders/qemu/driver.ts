import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { checkLogin } from '../../communicators/ssh/target-from-options.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import { hashSnapshotFile } from '../../layers/snapshot-store.ts';
import type { Digest } from '../../model/ids.ts';
import type { KindUse } from '../../model/pipeline.ts';
import type { DrivenMachine, DriverContext, MachineDriver } from '../machine-builder.ts';
import { chooseAccelerator } from './accelerator.ts';
import { typeBootCommand } from './boot-keys.ts';
import { makeOverlay } from './disk-image.ts';
import { FinishedMachine } from './finished-machine.ts';
import { hostProgram } from './host-program.ts';
import { awaitInstalled, awaitInstaller, mediumKernel } from './installer.ts';
import { launch, type Host, type Launched, type LaunchMode, type MachineSetup } from './launch.ts';
import { findLogin, fingerprint, type Login } from './login.ts';
import { diskFile, readRecord, STATE_FILE, type FirstFiles } from './machine-record.ts';
import { awaitState, stateSource } from './machine-state.ts';
import type { BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import { qemuTarget } from './qemu-command.ts';
import { QemuMachine } from './qemu-machine.ts';
import { Releases } from './releases.ts';
import type { RunningMachine } from './running-machine.ts';
import { prepareSource, sourceSort } from './source-disk.ts';
import { CD, FLOPPY, makeSurroundings, SEED, writeMedia } from './surroundings.ts';
import { waitForSsh } from './wait-for-ssh.ts';

/**
 * Opens the driver of virtual machines.
 * @throws FailureError `tool-missing` without QEMU, `template-invalid` for architectures it is not set up for
 */
export async function openQemu(options: QemuOptions, context: DriverContext): Promise<MachineDriver> {
  const { architecture } = context.pipeline;
  const target = qemuTarget(architecture);
  if (target === undefined) {
    throw new FailureError({
      reason: 'template-invalid',
      message: `the qemu builder has no machine for ${architecture}`,
    });
  }
  if (options.communicator === 'ssh')
    await checkLogin(options, { agent: process.env['SSH_AUTH_SOCK'], resolvePath: context.resolvePath });
  const program = options.qemu_binary ?? target.program;
  const said = await hostProgram([program, '--version'], { signal: context.signal, reason: 'tool-missing' });
  const accelerator = await chooseAccelerator(options.accelerator, program, architecture);
  const host = { target, accelerator, version: said.split('\n')[0] ?? '' };
  context.log(`${host.version}; accelerator ${accelerator.split(',')[0]}`);
  return new QemuDriver(options, context, host);
}

class QemuDriver implements MachineDriver {
  readonly #options: QemuOptions;
  readonly #context: DriverContext;
  readonly #host: Host;

  constructor(options: QemuOptions, context: DriverContext, host: Host) {
    this.#options = options;
    this.#context = context;
    this.#host = host;
  }

  async start(source: KindUse): Promise<DrivenMachine> {
    const [options, context] = [this.#options, this.#context];
    return await this.#holding(async (held, active) => {
      const disks = await prepareSource(source, active, options, context);
      const login = await findLogin(options, sourceSort(source, context), context);
      const values = await makeSurroundings(options, login, active, held, context);
      const media = await writeMedia(options, login, values, active, context);
      const setup: MachineSetup = {
        active,
        login,
        media: active,
        parent: undefined,
        first: firstFiles(active, disks.files, media),
        record: {
          format: 1,
          disks: [...disks.sizes],
          cdroms: this.#cdroms(media, disks.medium?.path),
          ...(media.includes(FLOPPY) && { floppy: FLOPPY }),
          byCredentials: login.byCredentials,
          ...(login.key !== undefined && { key: fingerprint(login) }),
        },
      };
      const { medium } = disks;
      const kernel = medium && (await mediumKernel(medium, values, active, context.signal));
      const runsOnce = kernel !== undefined || (medium !== undefined && options.run_once);
      const fromCd = medium !== undefined && kernel === undefined;
      const mode = { values, runsOnce, fromCd, ...(kernel !== undefined && { kernel }) };
      if (options.communicator === 'none') {
        await this.#runAlone(setup, mode);
        const { files: beside } = disks;
        const left = { type: 'active', folder: active, beside, record: setup.record } as const;
        return new FinishedMachine(left, options, context, () => held[Symbol.asyncDispose]());
      }
      if (!runsOnce) return await this.#boot(setup, values, held, { types: true, fromCd });
      await this.#runAlone(setup, mode);
      const cdroms = setup.record.cdroms.filter(({ file }) => file !== medium?.path);
      return await this.#boot({ ...setup, record: { ...setup.record, cdroms } }, values, held, {});
    });
  }

  async resume(snapshot: Digest): Promise<DrivenMachine> {
    const [options, context] = [this.#options, this.#context];
    if (options.communicator === 'none')
      return new FinishedMachine({ type: 'kept', snapshot }, options, context, () => Promise.resolve());
    const folder = context.snapshots.folder(snapshot);
    const record = readRecord(folder);
    const [first = snapshot] = context.snapshots.chain(snapshot);
    const login = { ...(await findLogin(options, '', context)), byCredentials: record.byCredentials };
    if (record.key !== fingerprint(login)) await this.#forget(snapshot);
    return await this.#holding(async (held, active) => {
      const { state, ...rest } = record;
      const values = await makeSurroundings(options, login, active, held, context);
      const setup: MachineSetup = {
        active,
        login,
        media: context.snapshots.folder(first),
        from: folder,
        parent: snapshot,
        first: new Map(),
        // A medium that is gone was for installing.
        record: { ...rest, cdroms: rest.cdroms.filter(({ file }) => !isAbsolute(file) || existsSync(file)) },
      };
      await this.#overlays(setup);
      const restored = state === undefined ? undefined : await this.#restore(setup, values, state);
      if (restored !== undefined) {
        held.add(async () => await restored[Symbol.asyncDispose]());
        return await this.#connected(setup, restored, held, values);
      }
      return await this.#boot(setup, values, held, {});
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Lets go of machines that nobody can log in to any more. @throws FailureError `store-invalid` in any case */
  async #forget(snapshot: Digest): Promise<never> {
    const { snapshots } = this.#context;
    for (const digest of snapshots.chain(snapshot).toReversed()) await snapshots.forget(digest);
    throw new FailureError({
      reason: 'store-invalid',
      message: 'the key that logs in to the kept machine is no longer in the cache',
      hint: 'Build once more: the machine is made anew then.',
    });
  }

  /** Gives back what was taken when `body` fails; else the machine does when it ends. */
  async #holding<M extends DrivenMachine>(body: (held: Releases, active: string) => Promise<M>): Promise<M> {
    const held = new Releases();
    try {
      const active = await this.#context.snapshots.stage();
      held.add(() => rm(active, { recursive: true, force: true }));
      return await body(held, active);
    } catch (error) {
      await held[Symbol.asyncDispose]();
      throw error;
    }
  }

  #cdroms(media: readonly string[], medium: string | undefined): MachineSetup['record']['cdroms'] {
    const wanted = this.#options.cdrom_interface;
    const isArm = this.#host.target.machine === 'virt';
    const other = wanted ?? (isArm ? 'virtio-scsi' : 'ide');
    return [
      ...(medium === undefined ? [] : [{ file: medium, interface: other }]),
      ...(media.includes(CD) ? [{ file: CD, interface: other }] : []),
      // Cloud kernels have drivers for nothing else.
      ...(media.includes(SEED) ? [{ file: SEED, interface: 'virtio' as const }] : []),
    ];
  }

  /** Fresh disks upon those of the snapshot that the machine goes on from. */
  async #overlays({ from = '', active, record }: MachineSetup): Promise<void> {
    for (const [index, size] of record.disks.entries()) {
      const path = join(active, diskFile(index));
      await rm(path, { force: true });
      const below = `../${basename(from)}/${diskFile(index)}`;
      await makeOverlay(path, { below, size, signal: this.#context.signal });
    }
  }

  /** The machine with its memory as it was kept, or undefined when this QEMU and these devices cannot take it. */
  async #restore(setup: MachineSetup, values: BootValues, state: string): Promise<Launched | undefined> {
    const [options, context] = [this.#options, this.#context];
    const file = join(setup.from ?? '', STATE_FILE);
    if (!existsSync(file)) return undefined;
    context.status('resumes');
    const began = performance.now();
    let launched: Launched | undefined;
    try {
      launched = await launch(
        setup,
        this.#host,
        options,
        context,
        { values, incoming: stateSource(file) },
        state,
      );
      if (launched === undefined) {
        context.log('QEMU or the machine is another one than that whose memory was kept: boots');
        return undefined;
      }
      await awaitState(launched.running.qmp);
    } catch (error) {
      const why = launched?.running.vm.errors.at(-1);
      await launched?.[Symbol.asyncDispose]();
      if (context.signal.aborted || !(error instanceof FailureError)) throw error;
      context.log(`the kept memory cannot be used: ${why ?? error.message}: boots`);
      await this.#overlays(setup);
      return undefined;
    }
    context.log(`resumed in ${((performance.now() - began) / 1000).toFixed(2)} s`);
    return launched;
  }

  /** Lets the machine run by itself until QEMU ends. */
  async #runAlone(setup: MachineSetup, mode: LaunchMode): Promise<void> {
    const [options, context] = [this.#options, this.#context];
    context.status('starts the machine');
    await using launched = await launch(setup, this.#host, options, context, mode);
    await typeBootCommand(launched.screen, options, mode.values, context);
    await awaitInstaller(launched.running, options, context);
  }

  async #boot(
    setup: MachineSetup,
    values: BootValues,
    held: Releases,
    how: { readonly fromCd?: boolean; readonly types?: boolean },
  ): Promise<QemuMachine> {
    const [options, context] = [this.#options, this.#context];
    context.status('starts the machine');
    const launched = await launch(setup, this.#host, options, context, { values, ...how });
    held.add(async () => await launched[Symbol.asyncDispose]());
    if (how.types === true) await typeBootCommand(launched.screen, options, values, context);
    return await this.#connected(setup, launched, held, values, how.fromCd === true);
  }

  /** Logs in, and hands the machine over to whoever runs steps on it. */
  async #connected(
    setup: MachineSetup,
    launched: Launched,
    held: Releases,
    values: BootValues,
    isInstaller = false,
  ): Promise<QemuMachine> {
    const [options, context] = [this.#options, this.#context];
    const { running } = launched;
    const isResumed = setup.parent !== undefined;
    context.status(isResumed ? 'connects' : 'boots');
    const communicator = await waitForSsh(running, setup.login, options, context);
    held.add(async () => await communicator[Symbol.asyncDispose]());
    if (isInstaller) await awaitInstalled(running, communicator, options, context);
    running.isWatched = false;
    const { record, login, active } = setup;
    const machine = new QemuMachine({
      running,
      communicator,
      login,
      options,
      context,
      active,
      record,
      first: setup.first,
      identity: launched.identity,
      variables: launched.variables,
      tpm: launched.tpm,
      parent: setup.parent,
      facts: this.#facts(running, login, values),
      release: () => held[Symbol.asyncDispose](),
    });
    await machine.prepare({ isResumed, hasSeed: setup.first.has(SEED) });
    return machine;
  }

  #facts(running: RunningMachine, login: Login, values: BootValues): Record<string, string> {
    const options = this.#options;
    const port = running.portTo(options.ssh_port);
    if (login.key !== undefined) this.#context.hide(login.key.privateKey);
    const facts: Record<string, string | undefined> = {
      ID: options.name,
      Host: port === undefined ? options.ssh_host : '127.0.0.1',
      Port: String(port ?? options.ssh_port),
      User: login.user,
      ConnType: options.communicator,
      Password: options.ssh_password,
      SSHPublicKey: login.key?.publicKey.trim(),
      SSHPrivateKey: login.key?.privateKey,
      SSHPrivateKeyFile: options.ssh_private_key_file,
      PackerHTTPIP: values['HTTPIP'] === undefined ? undefined : String(values['HTTPIP']),
      PackerHTTPPort: String(values['HTTPPort'] ?? 0),
      PackerHTTPAddr: `${values['HTTPIP'] ?? ''}:${values['HTTPPort'] ?? 0}`,
    };
    return Object.fromEntries(
      Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
  }
}

/** Disks that others stand on are written to no more, so their hashes are computed while the machine boots. */
function firstFiles(folder: string, disks: readonly string[], media: readonly string[]): FirstFiles {
  const files = new Map<string, Promise<string> | undefined>(media.map((name) => [name, undefined]));
  for (const name of disks) {
    const hash = hashSnapshotFile(join(folder, name));
    // Whoever takes the snapshot learns of it; a machine that fails before has another failure to tell.
    hash.catch(() => undefined);
    files.set(name, hash);
  }
  return files;
}
