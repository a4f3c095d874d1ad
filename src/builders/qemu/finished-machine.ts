import { link, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NoCommunicator } from '../../communicators/no-communicator.ts';
import type { Digest } from '../../model/ids.ts';
import type { DrivenMachine, DriverContext, Snapshot } from '../machine-builder.ts';
import { RemoteMachine } from '../remote-machine.ts';
import { writeFlatDisk } from './disk-image.ts';
import { diskFile, RECORD_FILE, type MachineRecord } from './machine-record.ts';
import type { QemuOptions } from './options.ts';

/** Where the disks of a machine that is off are: still private, or kept already. */
export type FinishedDisks =
  | {
      readonly type: 'active';
      readonly folder: string;
      /** Files beside the disks that they stand on. */
      readonly beside: readonly string[];
      readonly record: MachineRecord;
    }
  | { readonly type: 'kept'; readonly snapshot: Digest };

/** `communicator: none`: a machine that has run once by itself and is off. Nobody gets in; its disks are what there is. */
export class FinishedMachine extends RemoteMachine implements DrivenMachine {
  readonly facts: Readonly<Record<string, string>>;
  readonly #context: DriverContext;
  readonly #options: QemuOptions;
  readonly #release: () => Promise<void>;
  #disks: FinishedDisks;

  constructor(
    disks: FinishedDisks,
    options: QemuOptions,
    context: DriverContext,
    release: () => Promise<void>,
  ) {
    const { architecture, sourceDateEpoch } = context.pipeline;
    const communicator = new NoCommunicator('none');
    super({ communicator, architecture, sourceDateEpoch, onOutput: (chunk) => context.output(chunk) });
    this.facts = { ID: options.name, ConnType: 'none' };
    this.#disks = disks;
    this.#options = options;
    this.#context = context;
    this.#release = release;
  }

  async snapshot(): Promise<Snapshot> {
    const disks = this.#disks;
    if (disks.type === 'kept') return { digest: disks.snapshot, size: 0 };
    const { snapshots } = this.#context;
    const staged = await snapshots.stage();
    try {
      const names = [...disks.record.disks.map((_, index) => diskFile(index)), ...disks.beside];
      for (const name of names) await link(join(disks.folder, name), join(staged, name));
      await writeFile(join(staged, RECORD_FILE), JSON.stringify(disks.record));
    } catch (error) {
      await rm(staged, { recursive: true, force: true });
      throw error;
    }
    const snapshot = await snapshots.commit(staged, {});
    this.#disks = { type: 'kept', snapshot: snapshot.digest };
    return snapshot;
  }

  async writeDisk(target: string): Promise<void> {
    const { digest } = await this.snapshot();
    this.#context.status('writes the disk');
    const disk = join(this.#context.snapshots.folder(digest), diskFile(0));
    await writeFlatDisk(disk, target, { ...this.#context, more: this.#options.qemu_img_args?.convert ?? [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }
}
