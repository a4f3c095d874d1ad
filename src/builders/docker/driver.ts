import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { Digest } from '../../model/ids.ts';
import { fillLateValues } from '../../model/late-value.ts';
import type { KindUse } from '../../model/pipeline.ts';
import type { DriverContext, MachineDriver, Snapshot } from '../machine-builder.ts';
import { DaemonStore } from './daemon-store.ts';
import { prepareImage } from './base-image.ts';
import { DockerMachine, type DockerState } from './docker-machine.ts';
import { dockerImageSchema } from '../../sources/docker-image.ts';
import type { DockerBuilderOptions } from './options.ts';

/** @throws FailureError `unknown-option` for Windows containers */
export function openDockerDriver(
  options: DockerBuilderOptions,
  context: DriverContext,
): Promise<MachineDriver> {
  if (options.windows_container === true) {
    throw new FailureError({
      reason: 'unknown-option',
      message:
        'windows_container is not supported by this version of imgpipe: it needs a Docker daemon on Windows',
    });
  }
  return Promise.resolve(new DockerDriver(options, context));
}

/**
 * Containers of the daemon. A state is an image; a snapshot in the store only names it: `image` by its id, `name`
 * that keeps it, and `source`, the image that the pipeline began with, with its `user`. Images that the daemon has lost make their snapshots be forgotten.
 */
class DockerDriver implements MachineDriver {
  readonly #options: DockerBuilderOptions;
  readonly #context: DriverContext;
  readonly #cli: DockerCli;
  readonly #store: DaemonStore;
  /** Containers that are being removed. */
  readonly #endings: Promise<unknown>[] = [];

  constructor(options: DockerBuilderOptions, context: DriverContext) {
    this.#options = options;
    this.#context = context;
    this.#cli = new DockerCli({ program: options.docker_path, signal: context.signal });
    this.#store = new DaemonStore(this.#cli, context.snapshots);
  }

  async start(source: KindUse): Promise<DockerMachine> {
    const { secret } = this.#context;
    // Nothing waits for it before the driver ends.
    this.#endings.push(this.#store.removeDeadContainers().catch(() => undefined));
    const options = await fillLateValues(dockerImageSchema.parse(source.options), (sort, name) =>
      sort === 'secret' ? secret(name) : '',
    );
    const [{ id, user }] = await Promise.all([
      prepareImage(
        { ...options, platform: options.platform ?? this.#options.platform },
        this.#cli,
        this.#context,
      ),
      this.#store.reconcile(),
    ]);
    return await this.#machine({ image: id, source: id, name: '', user });
  }

  async resume(snapshot: Digest): Promise<DockerMachine> {
    const known = this.#context.snapshots.known().find(({ digest }) => digest === snapshot);
    const { image, source, name = '', user = '' } = known?.external ?? {};
    if (image === undefined || source === undefined) {
      throw new FailureError({
        reason: 'store-invalid',
        message: `the state ${snapshot} is no longer in the cache`,
        hint: 'Build once more.',
      });
    }
    return await this.#machine({ image, source, name, user });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#endings);
  }

  async #machine(state: DockerState): Promise<DockerMachine> {
    const shared = join(this.#context.scratch, 'shared');
    await mkdir(shared, { recursive: true });
    return new DockerMachine(state, {
      options: this.#options,
      context: this.#context,
      cli: this.#cli,
      store: this.#store,
      shared,
      keep: (next) => this.#keep(next),
      ending: (removal) => void this.#endings.push(removal),
    });
  }

  async #keep({ image, source, name, user }: DockerState): Promise<Snapshot> {
    const staged = await this.#context.snapshots.stage();
    // A snapshot is its external names; the file says to people what they are.
    await writeFile(
      join(staged, 'README'),
      `State of a container, kept by the Docker daemon as ${name === '' ? image : name}\n`,
    );
    return await this.#context.snapshots.commit(staged, { external: { image, source, name, user } });
  }
}
