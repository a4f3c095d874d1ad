import { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { DockerCommunicator } from '../../communicators/docker/docker-communicator.ts';
import type { DrivenMachine, DriverContext, Snapshot } from '../machine-builder.ts';
import { RemoteMachine } from '../remote-machine.ts';
import { startContainer } from './container.ts';
import type { DaemonStore } from './daemon-store.ts';
import type { DockerBuilderOptions } from './options.ts';

/** Longest time for the end of a container. */
const ENDING_MS = 60_000;

/** A state of a container: an image of the daemon. */
export interface DockerState {
  readonly image: string;
  /** The name under which the daemon keeps it; empty for the image that the pipeline began with. */
  readonly name: string;
  /** The image that the pipeline began with. */
  readonly source: string;
  /** User that it runs as; empty: root. */
  readonly user: string;
}

export interface DockerSurroundings {
  readonly options: DockerBuilderOptions;
  readonly context: DriverContext;
  readonly cli: DockerCli;
  readonly store: DaemonStore;
  /** Folder of the host that containers see. */
  readonly shared: string;
  readonly keep: (state: DockerState) => Promise<Snapshot>;
  /** Takes note of the end of a container, which nobody waits for before the driver ends. */
  readonly ending: (removal: Promise<unknown>) => void;
}

/**
 * Containers one after the other: each begins with the image of the state before, so that an image of a state holds only
 * what its step changed. A container starts when a step needs it; a state that nobody works on costs nothing.
 */
export class DockerMachine extends RemoteMachine implements DrivenMachine {
  readonly #surroundings: DockerSurroundings;
  #state: DockerState;
  #container: string | undefined;
  #facts: Readonly<Record<string, string>>;

  constructor(state: DockerState, surroundings: DockerSurroundings) {
    const { options, context, cli } = surroundings;
    super({
      communicator: new DockerCommunicator({
        cli,
        container: () => this.#started(),
        containerUser: state.user,
        pty: options.pty,
        fixUploadOwner: options.fix_upload_owner,
        ...(options.exec_user === undefined ? {} : { execUser: options.exec_user }),
      }),
      architecture: context.pipeline.architecture,
      sourceDateEpoch: context.pipeline.sourceDateEpoch,
      onOutput: context.output,
      environment: { SYSTEMD_OFFLINE: '1' },
    });
    this.#surroundings = surroundings;
    this.#state = state;
    this.#facts = { ConnType: 'docker', SourceImageSha256: state.source };
  }

  get facts(): Readonly<Record<string, string>> {
    return this.#facts;
  }

  async ready(): Promise<void> {
    await this.#started();
  }

  /** Commits what the container has changed. One that changed nothing is still in the state that it began with. */
  async snapshot(): Promise<Snapshot> {
    const { cli, context, keep, options, store } = this.#surroundings;
    const container = this.#container;
    if (container !== undefined) {
      context.status('keeping the state');
      const name = store.newName();
      // Side by side, as nearly every step changes something.
      const [hasChanged, image] = await Promise.all([
        this.#hasChanged(container),
        cli.must(['commit', container, name], 'Error committing container', { reason: 'step-failed' }),
      ]);
      if (hasChanged) {
        this.#state = { ...this.#state, image, name };
        if (!options.single_container) this.#endContainer();
      } else await cli.run(['image', 'rm', name]);
    }
    return await keep(this.#state);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#endContainer();
    return Promise.resolve();
  }

  async #started(): Promise<string> {
    if (this.#container !== undefined) return this.#container;
    const { cli, context, options, shared, store } = this.#surroundings;
    const request = { image: this.#state.image, name: store.containerName(), shared };
    this.#container = await startContainer(request, options, cli, context);
    this.#facts = { ...this.#facts, ID: this.#container };
    return this.#container;
  }

  /** The state of nothing but the folders through which files go does not count. */
  async #hasChanged(container: string): Promise<boolean> {
    const { cli, options } = this.#surroundings;
    const changes = await cli.must(['diff', container], 'Error comparing container', {
      reason: 'step-failed',
    });
    const own = new Set(['C /tmp', `A ${options.container_dir || '/packer-files'}`]);
    return changes.split('\n').some((line) => line !== '' && !own.has(line));
  }

  #endContainer(): void {
    const container = this.#container;
    this.#container = undefined;
    if (container === undefined) return;
    // Also when the run is stopped, and its signal with it.
    const cli = new DockerCli({
      program: this.#surroundings.options.docker_path,
      signal: AbortSignal.timeout(ENDING_MS),
    });
    // One that stays is removed by the next start.
    this.#surroundings.ending(cli.run(['rm', '--force', '--volumes', container]).catch(() => undefined));
  }
}
