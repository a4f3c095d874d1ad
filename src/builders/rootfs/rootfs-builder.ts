import type { CommitRules, Workspace } from '../../layers/workspace.ts';
import type { LayerRef } from '../../model/layer.ts';
import type { Builder, LaunchRequest, LiveMachine } from '../builder.ts';
import { requireRunnable } from './foreign-architecture.ts';
import { RootfsMachine, type RootfsMachineOptions } from './rootfs-machine.ts';
import { activateSandbox } from './sandbox-shim.ts';

/** The embedded builder: sandboxes on overlays of layers, as root or as an ordinary user. */
export class RootfsBuilder implements Builder {
  readonly type = 'rootfs';
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
