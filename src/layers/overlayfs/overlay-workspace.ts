import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import type { Digest } from '../../model/ids.ts';
import type { LayerRef, View } from '../../model/layer.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';
import { isErrno } from '../../util/atomic-file.ts';
import type { ExecOutcome } from '../../util/exec.ts';
import { locateImageFile } from '../image-file.ts';
import { LayerStore } from '../layer-store.ts';
import { placeEntries } from '../placement.ts';
import { globView } from '../view-glob.ts';
import { ViewIndex } from '../view-index.ts';
import type {
  ActiveLayer,
  CommitRules,
  ImageFile,
  MountPoint,
  PlacementFacts,
  PreparedMountPoints,
  Workspace,
  WorkspaceCommand,
} from '../workspace.ts';
import { AgentProcess } from './agent-process.ts';
import type { AgentRequest, AgentResults, RequestOf } from './protocol.ts';
import { removeRunBehind } from './run-folder.ts';

export interface WorkspaceOptions {
  /** Root of the store (absolute); made when missing. */
  readonly storeDirectory: string;
  /** Once aborted, running programs end and nothing new begins (`FailureError` `aborted`). */
  readonly signal?: AbortSignal;
}

/** Time for an orderly end; after it the helper is killed, and what it has not deleted is deleted behind imgpipe. */
const STOP_PATIENCE_MS = 1500;

/** A workspace on overlayfs. Its helper process starts with the first call that needs it. */
export function openWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  return Promise.resolve(new OverlayWorkspace(options));
}

class OverlayWorkspace implements Workspace {
  readonly storeDirectory: string;
  readonly #run = `${Date.now().toString(36)}-${randomBytes(3).toString('hex')}`;
  readonly #store: LayerStore;
  readonly #signal: AbortSignal | undefined;
  readonly #views = new Map<string, ViewIndex>();
  #agent: Promise<AgentProcess> | undefined;
  #closed = false;

  constructor({ storeDirectory, signal }: WorkspaceOptions) {
    this.storeDirectory = resolve(storeDirectory);
    this.#store = new LayerStore(this.storeDirectory);
    this.#signal = signal;
  }

  get memoryDirectory(): string {
    return join(this.#store.activeDirectory, this.#run, 'memory');
  }

  get scratchDirectory(): string {
    return join(this.#store.activeDirectory, this.#run, 'scratch');
  }

  warmUp(): void {
    // A failure is told by the first call that needs the helper.
    this.#started().catch(() => undefined);
  }

  activate(view: View, options: { shim?: readonly TreeEntry[] } = {}): Promise<ActiveLayer> {
    return this.#request({ type: 'activate', view: digests(view), shim: options.shim ?? [] });
  }

  mountView(view: View): Promise<ActiveLayer> {
    return this.#request({ type: 'mount-view', view: digests(view) });
  }

  async readActive(active: ActiveLayer, path: string): Promise<string | undefined> {
    return (await this.#request({ type: 'read-active', active: active.id, path })) ?? undefined;
  }

  async writeActive(active: ActiveLayer, file: ImageFile): Promise<void> {
    await this.#request({ type: 'write-active', active: active.id, file });
  }

  prepareMountPoints(active: ActiveLayer, points: readonly MountPoint[]): Promise<PreparedMountPoints> {
    return this.#request({ type: 'prepare-mount-points', active: active.id, points });
  }

  async removeMountPoints(active: ActiveLayer, { made }: PreparedMountPoints): Promise<void> {
    if (made.length === 0) return;
    const agent = await this.#started();
    await agent.request({ type: 'remove-mount-points', active: active.id, made });
  }

  async spawn({ onOutput, signal, ...command }: WorkspaceCommand): Promise<ExecOutcome> {
    const signals = this.#signal === undefined ? signal : AbortSignal.any([signal, this.#signal]);
    if (signals.aborted) return { type: 'signaled', signal: 'SIGTERM' };
    const agent = await this.#started();
    return await agent.request({ type: 'spawn', ...command }, { onOutput, signal: signals });
  }

  async enterCommand(argv: readonly string[]): Promise<readonly string[]> {
    const agent = await this.#started();
    const inner = await agent.innerPid();
    const user = process.geteuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
    return ['nsenter', '--target', String(inner), ...user, '--mount', '--pid', '--', ...argv];
  }

  commit(active: ActiveLayer, rules: CommitRules): Promise<LayerRef> {
    return this.#request({ type: 'commit', active: active.id, rules });
  }

  async discard(active: ActiveLayer): Promise<void> {
    // Also after an abort: this is how things are put away.
    const agent = await this.#started();
    await agent.request({ type: 'discard', active: active.id });
  }

  placementFacts(view: View, entries: readonly TreeEntry[]): Promise<PlacementFacts> {
    return attempt(() => placeEntries(this.#store, this.#view(view), entries));
  }

  writeLayer(entries: readonly TreeEntry[], facts: PlacementFacts, rules: CommitRules): Promise<LayerRef> {
    return this.#request({ type: 'write-layer', entries, facts, rules });
  }

  glob(view: View, patterns: readonly string[]): Promise<string[]> {
    return attempt(() => globView(this.#view(view), patterns));
  }

  async readText(view: View, path: string): Promise<string | undefined> {
    const file = locateImageFile(this.#store, this.#view(view), path);
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if (!isErrno(error, 'EACCES')) throw error;
      // A file of a mapped owner, which only the helper may read.
      return (await this.#request({ type: 'read-text', path: file.toString('utf8') })) ?? undefined;
    }
  }

  verify(layer: Digest): Promise<'intact' | 'damaged' | 'missing'> {
    return this.#request({ type: 'verify', layer });
  }

  async remove(...paths: readonly string[]): Promise<void> {
    await this.#request({ type: 'remove', paths });
  }

  async takeAway(...paths: readonly string[]): Promise<void> {
    await this.#request({ type: 'take-away', paths });
  }

  async settle(): Promise<void> {
    await this.#request({ type: 'settle' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const agent = await this.#agent?.catch(() => undefined);
    if (agent === undefined) return;
    await agent.stop(STOP_PATIENCE_MS);
    removeRunBehind(join(this.#store.activeDirectory, this.#run));
  }

  async #request<Type extends AgentRequest['type']>(request: RequestOf<Type>): Promise<AgentResults[Type]> {
    if (this.#signal?.aborted === true)
      throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const agent = await this.#started();
    return await agent.request(request);
  }

  async #started(): Promise<AgentProcess> {
    if (this.#closed) throw new Error('the workspace is closed');
    this.#agent ??= AgentProcess.start(this.storeDirectory, this.#run);
    return await this.#agent;
  }

  #view(view: View): ViewIndex {
    const key = digests(view).join();
    let index = this.#views.get(key);
    if (index === undefined) {
      index = new ViewIndex(this.#store, digests(view));
      this.#views.set(key, index);
    }
    return index;
  }
}

function digests(view: View): Digest[] {
  return view.map(({ digest }) => digest);
}

function attempt<T>(body: () => T): Promise<T> {
  return new Promise((resolve) => resolve(body()));
}
