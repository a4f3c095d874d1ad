import type { Machine } from '../../src/builders/machine.ts';
import { requireRunnable } from '../../src/builders/rootfs/foreign-architecture.ts';
import { RootfsMachine, type RootfsMachineOptions } from '../../src/builders/rootfs/rootfs-machine.ts';
import { activateSandbox } from '../../src/builders/rootfs/sandbox-shim.ts';
import type { CommitRules, Workspace } from '../../src/layers/workspace.ts';
import type { LayerRef, View } from '../../src/model/layer.ts';

/** What a machine starts from and with whom it shares its surroundings. */
interface LaunchRequest extends Omit<RootfsMachineOptions, 'workspace' | 'active'> {
  /** Layers below what the machine will write. */
  readonly view: View;
}

/**
 * A machine from its owner's side. Lifecycle: `launch` → programs run → `capture` (a committed layer) or disposal,
 * which throws the changes away. After a capture the machine is gone.
 */
export interface LiveMachine extends Machine, AsyncDisposable {
  /** Ends what still runs and commits what was written. @throws FailureError `disk-full`, `permission-denied` */
  capture(rules: CommitRules): Promise<LayerRef>;
}

/** Sandboxes on overlays of layers without an executor: a test holds the machine itself. */
export class RootfsBuilder {
  readonly #workspace: Workspace;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  async launch({ view, ...request }: LaunchRequest): Promise<LiveMachine> {
    requireRunnable(request.architecture);
    const active = await activateSandbox(this.#workspace, view);
    return new LiveRootfsMachine({ ...request, workspace: this.#workspace, active });
  }
}

class LiveRootfsMachine extends RootfsMachine implements LiveMachine {
  readonly #own: RootfsMachineOptions;
  #captured = false;

  constructor(options: RootfsMachineOptions) {
    super(options);
    this.#own = options;
  }

  async capture(rules: CommitRules): Promise<LayerRef> {
    this.#captured = true;
    return await this.#own.workspace.commit(this.#own.active, rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#captured) await this.#own.workspace.discard(this.#own.active);
  }
}
