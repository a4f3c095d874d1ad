import { chmodSync, chownSync, lutimesSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError } from '../../../diagnostics/failure.ts';
import type { Digest } from '../../../model/ids.ts';
import type { LayerRef } from '../../../model/layer.ts';
import type { TreeEntry } from '../../../model/tree-entry.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { hexOf, type LayerStore } from '../../layer-store.ts';
import { byteString } from '../../manifest.ts';
import { placeShim } from '../../placement.ts';
import { distinctTopmost, ViewIndex } from '../../view-index.ts';
import type { ActiveLayer, CommitRules } from '../../workspace.ts';
import { removalOfRun } from '../run-folder.ts';
import { runTool } from './host-tool.ts';
import { MOST_LAYERS, mountOverlay } from './overlay-mount.ts';
import { quiesce } from './quiesce.ts';
import type { WorkerPool } from './worker-pool.ts';
import { writeTree } from './write-tree.ts';

interface Active extends ActiveLayer {
  readonly directory: string;
  readonly view: readonly Digest[];
  readonly shim: boolean;
  readonly mounted: boolean;
}

/**
 * The mutable layers of one workspace.
 *
 *     <store>/active/<run>/lower/0 1 2 …   short links to the trees of layers, for the mount options
 *                          memory         tmpfs for secrets, when one is used
 *                          scratch        whatever its user needs until it ends
 *                          <id>/upper      what is written
 *                               work       overlayfs's own
 *                               merged     mount point
 *                               shim       the sandbox's files, shown above the view, never committed
 *                               stage      the layer while it is put together
 *     <store>/active/<run>.lock            held while the helper lives
 */
export class ActiveLayers {
  readonly #store: LayerStore;
  readonly #directory: string;
  readonly #workers: WorkerPool;
  readonly #active = new Map<string, Active>();
  readonly #links = new Map<Digest, string>();
  readonly #removals = new Set<Promise<void>>();
  /** Deletions that nobody has waited for yet. */
  readonly #deletions: Promise<void>[] = [];
  /** The last deletion of each that run side by side. */
  readonly #lanes: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  #nextLane = 0;
  #counter = 0;

  constructor(store: LayerStore, run: string, workers: WorkerPool) {
    this.#store = store;
    this.#directory = join(store.activeDirectory, run);
    this.#workers = workers;
    for (const name of ['empty', 'empty2'])
      mkdirSync(join(this.#directory, 'lower', name), { recursive: true });
  }

  get memoryDirectory(): string {
    return join(this.#directory, 'memory');
  }

  /** A new private folder for one piece of work; not made yet. */
  newDirectory(): string {
    this.#counter += 1;
    return join(this.#directory, String(this.#counter));
  }

  async activate(view: readonly Digest[], shim: readonly TreeEntry[]): Promise<ActiveLayer> {
    const lower = this.#lower(view);
    const directory = this.newDirectory();
    const id = String(this.#counter);
    const upper = join(directory, 'upper');
    for (const name of ['upper', 'work', 'merged']) mkdirSync(join(directory, name), { recursive: true });
    chmodSync(upper, 0o755);
    const mounted = view.length > 0 || shim.length > 0;
    if (!mounted) return this.#add({ id, mountPoint: upper, directory, view, shim: false, mounted });
    const index = new ViewIndex(this.#store, view);
    copyRootAttributes(index, upper);
    if (shim.length > 0) this.#writeShim(index, shim, join(directory, 'shim'));
    const mountPoint = join(directory, 'merged');
    await mountOverlay({
      cwd: join(this.#directory, 'lower'),
      lower: [
        ...(shim.length > 0 ? [`../${id}/shim`] : []),
        ...lower,
        ...(lower.length === 0 ? ['empty'] : []),
      ],
      upper: `../${id}/upper`,
      work: `../${id}/work`,
      target: mountPoint,
    });
    return this.#add({ id, mountPoint, directory, view, shim: shim.length > 0, mounted });
  }

  async mountView(view: readonly Digest[]): Promise<ActiveLayer> {
    const lower = this.#lower(view);
    const directory = this.newDirectory();
    const id = String(this.#counter);
    const mountPoint = join(directory, 'merged');
    mkdirSync(mountPoint, { recursive: true });
    // A read-only overlay needs two layers at least.
    await mountOverlay({
      cwd: join(this.#directory, 'lower'),
      lower: [...lower, 'empty', 'empty2'],
      target: mountPoint,
    });
    return this.#add({ id, mountPoint, directory, view, shim: false, mounted: true });
  }

  async commit(id: string, rules: CommitRules): Promise<LayerRef> {
    const active = this.#take(id);
    try {
      await this.#release(active);
      const { directory, view, shim } = active;
      return await this.#workers.run({
        type: 'commit',
        store: this.#store.directory,
        directory,
        view,
        rules,
        shim,
      });
    } finally {
      this.removeLater(active.directory);
    }
  }

  async discard(id: string): Promise<void> {
    const active = this.#take(id);
    await this.#release(active);
    this.removeLater(active.directory);
  }

  mountPoint(id: string): string {
    const active = this.#active.get(id);
    if (active === undefined) throw new Error(`no active layer ${id}`);
    return active.mountPoint;
  }

  /** Deletes a private folder in the background. */
  removeLater(directory: string): void {
    const removal = runTool(['rm', '-rf', '--one-file-system', '--', directory]).catch(() => undefined);
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }

  /** Deletes trees of any owners. */
  async removeTrees(paths: readonly string[]): Promise<void> {
    await this.#deleteMoved(await this.#moveAway(paths));
  }

  /** Takes trees of any owners from their places and deletes them in the background, until `settle`. */
  async takeTreesAway(paths: readonly string[]): Promise<void> {
    const deletion = this.#deleteMoved(await this.#moveAway(paths));
    // Looked at by `settle`.
    deletion.catch(() => undefined);
    this.#deletions.push(deletion);
  }

  /** Waits for the deletions of `takeTreesAway`. @throws Error of the first that failed */
  async settle(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#deletions.splice(0));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Two at a time: more threads wait for the locks and the journal of the file system. */
  async #deleteMoved(doomed: string): Promise<void> {
    const lane = (this.#nextLane = (this.#nextLane + 1) % this.#lanes.length);
    const deletion = (this.#lanes[lane] ?? Promise.resolve()).then(() =>
      runTool(['rm', '-rf', '--one-file-system', '--', doomed]),
    );
    this.#lanes[lane] = deletion.catch(() => undefined);
    await deletion;
  }

  /**
   * Takes each tree from its place by one rename: an interrupted deletion never leaves half a layer that looks whole.
   * @returns the folder that holds them now
   */
  async #moveAway(paths: readonly string[]): Promise<string> {
    const doomed = this.newDirectory();
    mkdirSync(doomed, { recursive: true });
    const elsewhere = paths.filter((path, at) => {
      try {
        renameSync(path, join(doomed, String(at)));
        return false;
      } catch (error) {
        if (isErrno(error, 'ENOENT')) return false;
        // Another file system, so not a layer.
        if (isErrno(error, 'EXDEV')) return true;
        throw error;
      }
    });
    if (elsewhere.length > 0) await runTool(['rm', '-rf', '--one-file-system', '--', ...elsewhere]);
    return doomed;
  }

  /** Unmounts all and deletes the run's folder. */
  async close(): Promise<void> {
    for (const active of this.#active.values()) await this.#release(active);
    await Promise.all([...this.#removals, ...this.#lanes]);
    await runTool(['umount', '--', this.memoryDirectory]).catch(() => undefined);
    await runTool(removalOfRun(this.#directory));
  }

  #add(active: Active): ActiveLayer {
    this.#active.set(active.id, active);
    return { id: active.id, mountPoint: active.mountPoint };
  }

  #take(id: string): Active {
    const active = this.#active.get(id);
    if (active === undefined) throw new Error(`no active layer ${id}`);
    this.#active.delete(id);
    return active;
  }

  async #release(active: Active): Promise<void> {
    // A sandbox shows the overlay by its upperdir, a plain tree by the folder that is bound.
    const marks = [`upperdir=../${active.id}/upper,`, `${active.directory}/upper `];
    await quiesce({ marks, mountPoint: active.mountPoint });
    if (active.mounted) await runTool(['umount', '--', active.mountPoint]);
  }

  /** Short names of the view's layers for the mount options, topmost first. */
  #lower(view: readonly Digest[]): string[] {
    const layers = distinctTopmost(view).toReversed();
    if (layers.length > MOST_LAYERS) {
      throw new FailureError({
        reason: 'template-invalid',
        message: `an image can have at most ${MOST_LAYERS} layers, this one has ${layers.length}`,
        hint: 'Join some of the steps.',
      });
    }
    return layers.map((digest) => {
      let name = this.#links.get(digest);
      if (name === undefined) {
        name = this.#links.size.toString(36);
        symlinkSync(join('../../../layers', hexOf(digest), 'tree'), join(this.#directory, 'lower', name));
        this.#links.set(digest, name);
      }
      return name;
    });
  }

  #writeShim(view: ViewIndex, entries: readonly TreeEntry[], target: string): void {
    mkdirSync(target);
    copyRootAttributes(view, target);
    const placements = placeShim(this.#store, view, entries);
    const folderTime = (path: string) => {
      const entry = view.lookup(byteString(path))?.entry;
      return entry?.type === 'directory' ? entry.mtime : undefined;
    };
    writeTree({ root: target, entries, placements, mtime: 0, folderTime });
    copyRootAttributes(view, target);
  }
}

/** An overlay shows the attributes of its topmost root. */
function copyRootAttributes(view: ViewIndex, directory: string): void {
  const root = view.lookup('/')?.entry;
  if (root?.type !== 'directory') return;
  chownSync(directory, root.uid, root.gid);
  chmodSync(directory, root.mode);
  lutimesSync(directory, root.mtime, root.mtime);
}
