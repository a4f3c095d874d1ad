import { copyFile, mkdir, open, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NoCommunicator } from '../../communicators/no-communicator.ts';
import type { Digest } from '../../model/ids.ts';
import type { KindUse } from '../../model/pipeline.ts';
import type { FileSourceOptions } from '../../sources/file.ts';
import { CONTENT, type FileBuilderOptions } from '../file.ts';
import type { DrivenMachine, DriverContext, MachineDriver, Snapshot } from '../machine-builder.ts';
import { RemoteMachine } from '../remote-machine.ts';

/** Writes the file of the source at once, so that steps of this host find it; its content is the machine's state. */
export function openFile(options: FileBuilderOptions, context: DriverContext): MachineDriver {
  const target = context.resolvePath(options.target);
  return {
    start: async (source) => {
      await writeTarget(target, options, source, context);
      return new FileMachine(target, undefined, context);
    },
    resume: (snapshot) => Promise.resolve(new FileMachine(target, snapshot, context)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function writeTarget(
  target: string,
  options: FileBuilderOptions,
  use: KindUse,
  context: DriverContext,
): Promise<void> {
  // Sound because the options of a source are parsed by its kind's own schema.
  const source = use.options as unknown as FileSourceOptions;
  await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
  if (source.path === undefined) {
    await writeFile(target, source.content, { mode: 0o600 });
    return;
  }
  context.log(`Copying ${source.path} to ${options.target}`);
  const from = context.resolvePath(source.path);
  // Into the file that is there: its mode and owner stay.
  await using file = await open(target, 'w');
  await using input = await open(from);
  for await (const chunk of input.createReadStream({ autoClose: false })) await file.write(chunk as Buffer);
  context.log(`Copied ${(await stat(target)).size} bytes`);
}

class FileMachine extends RemoteMachine implements DrivenMachine {
  readonly facts = {};
  readonly #target: string;
  readonly #context: DriverContext;
  /** What it began with, or the state that was kept: steps do not change it. */
  #kept: Digest | undefined;

  constructor(target: string, kept: Digest | undefined, context: DriverContext) {
    const { architecture, sourceDateEpoch } = context.pipeline;
    super({
      communicator: new NoCommunicator('pretend'),
      architecture,
      sourceDateEpoch,
      onOutput: context.output,
    });
    this.#target = target;
    this.#kept = kept;
    this.#context = context;
  }

  async snapshot(): Promise<Snapshot> {
    const { snapshots } = this.#context;
    if (this.#kept !== undefined) return { digest: this.#kept, size: 0 };
    const staged = await snapshots.stage();
    await copyFile(this.#target, path.join(staged, CONTENT));
    const snapshot = await snapshots.commit(staged, {});
    this.#kept = snapshot.digest;
    return snapshot;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
