import { randomBytes } from 'node:crypto';
import type { DockerCli } from '../../communicators/docker/docker-cli.ts';
import type { Digest } from '../../model/ids.ts';
import { sha256Hex } from '../../util/hash.ts';
import { identifyProcess } from '../../util/process-identity.ts';
import type { DriverContext } from '../machine-builder.ts';

/** An image of a state that no snapshot names is kept this long: its snapshot may be on its way. */
const GRACE_MS = 3_600_000;

/**
 * What the daemon keeps for one store: images of states, by a tag so that the daemon does not take them for waste, and
 * containers while they run. Their names begin with a digest of the store's path, as several stores may use one daemon.
 */
export class DaemonStore {
  readonly #cli: DockerCli;
  readonly #snapshots: DriverContext['snapshots'];
  readonly #mark: string;

  constructor(cli: DockerCli, snapshots: DriverContext['snapshots']) {
    this.#cli = cli;
    this.#snapshots = snapshots;
    this.#mark = sha256Hex(snapshots.folder(`sha256:${'0'.repeat(64)}` as Digest)).slice(0, 12);
  }

  get #repository(): string {
    return `imgpipe-snapshot/${this.#mark}`;
  }

  /** A new name under which the daemon keeps the image of a state. */
  newName(): string {
    return `${this.#repository}:${randomBytes(12).toString('hex')}`;
  }

  /** A name for a container that tells which process it belongs to. */
  containerName(): string {
    const self = identifyProcess(process.pid);
    return `imgpipe-${this.#mark}-${process.pid}-${self?.startTicks ?? '0'}-${randomBytes(4).toString('hex')}`;
  }

  /**
   * Brings both sides together: snapshots whose image somebody has deleted are forgotten; images that no snapshot names
   * any more are deleted.
   */
  async reconcile(now: number = Date.now()): Promise<void> {
    const images = await this.#images();
    const there = new Set(images.map(({ id }) => id));
    const named = new Set<string>();
    for (const { digest, external } of this.#snapshots.known()) {
      const image = external['image'] ?? '';
      if (there.has(image)) named.add(external['name'] ?? '');
      else await this.#snapshots.forget(digest);
    }
    const waste = images.filter(
      ({ name, created }) =>
        name.startsWith(`${this.#repository}:`) && !named.has(name) && now - created > GRACE_MS,
    );
    // Fails for images that others stand on: their turn comes when those are gone.
    if (waste.length > 0) await this.#cli.run(['image', 'rm', ...waste.map(({ name }) => name)]);
  }

  async #images(): Promise<
    readonly { readonly id: string; readonly name: string; readonly created: number }[]
  > {
    const format = '{{.ID}}\t{{.Repository}}:{{.Tag}}\t{{.CreatedAt}}';
    const listed = await this.#cli.must(
      ['image', 'ls', '--all', '--no-trunc', '--format', format],
      'Error listing images',
    );
    return listed.split('\n').flatMap((line) => {
      const [id, name, created] = line.split('\t');
      if (id === undefined || name === undefined) return [];
      // 2026-11-21 10:15:00 +0100 CET: the name of the zone is not for Date.
      return [{ id, name, created: Date.parse((created ?? '').split(' ').slice(0, 3).join(' ')) }];
    });
  }

  /** Deletes containers of processes that died. */
  async removeDeadContainers(): Promise<void> {
    const prefix = `imgpipe-${this.#mark}-`;
    const listed = await this.#cli.must(
      ['container', 'ls', '--all', '--filter', `name=${prefix}`, '--format', '{{.Names}}'],
      'Error listing containers',
    );
    const dead = listed.split('\n').filter((name) => {
      const [pid, ticks] = name.slice(prefix.length).split('-');
      return name.startsWith(prefix) && identifyProcess(Number(pid))?.startTicks !== ticks;
    });
    if (dead.length > 0) await this.#cli.run(['rm', '--force', '--volumes', ...dead]);
  }
}
