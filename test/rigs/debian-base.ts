import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Machine } from '../../src/builders/machine.ts';
import { acquireLock } from '../../src/cache/key-lock.ts';
import { RootfsBuilder } from './rootfs-builder.ts';
import { unwrap, type Result } from '../../src/diagnostics/failure.ts';
import { LayerStore } from '../../src/layers/layer-store.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { LayerRef, View } from '../../src/model/layer.ts';
import { hostArchitecture } from '../../src/model/platform.ts';
import type { ProvisionerKind, StepRunContext } from '../../src/provisioners/provisioner.ts';
import { bootstrapSource } from '../../src/sources/bootstrap.ts';
import { cacheFolder, COMMIT_RULES, produceSource } from './produce-source.ts';
import { stepRunContext } from './fake-machine.ts';
import { EPOCH, noWorkspace, WorkspaceRig } from './workspace.ts';

/** Why a Debian cannot be installed here, or undefined. */
export const noBootstrap: string | undefined =
  noWorkspace ?? (existsSync('/usr/bin/mmdebstrap') ? undefined : 'mmdebstrap is not installed');

/** What running a step once gave. */
export interface StepRun {
  readonly layer: LayerRef;
  readonly output: string;
  readonly seconds: number;
}

/** A minimal Debian on which steps run for real. */
export class DebianRig {
  readonly rig: WorkspaceRig;
  readonly base: LayerRef;

  constructor(rig: WorkspaceRig, base: LayerRef) {
    this.rig = rig;
    this.base = base;
  }

  /**
   * Runs one step on a view (default: the base alone) and commits its layer.
   * @throws FailureError of the step
   */
  async step(
    kind: ProvisionerKind,
    options: Record<string, unknown>,
    view: View = [this.base],
    overrides: Partial<StepRunContext> = {},
  ): Promise<StepRun> {
    const { workspace } = this.rig;
    const parsed = kind.schema.parse(options);
    const context = { ...stepRunContext('/'), ...overrides };
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    if (kind.effect(parsed) === 'write') {
      const entries = unwrap((await kind.entries?.(parsed, context)) ?? { ok: true, value: [] });
      const facts = await workspace.placementFacts(view, entries);
      return {
        layer: await workspace.writeLayer(entries, facts, COMMIT_RULES),
        output: '',
        seconds: seconds(),
      };
    }
    let output = '';
    await using machine = await new RootfsBuilder(workspace).launch({
      view,
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      signal: context.signal,
      onOutput: ({ text }) => {
        output += text;
      },
      cacheFolder: (id) => cacheFolder(this.rig, id),
    });
    const result: Result<void> | undefined = await kind.run?.(parsed, machine, context);
    if (result === undefined) throw new Error(`${kind.type} does not run`);
    unwrap(result);
    return { layer: await machine.capture(COMMIT_RULES), output, seconds: seconds() };
  }

  /** A throw-away machine on the base. */
  async machine(body: (machine: Machine) => Promise<void>): Promise<void> {
    await using machine = await new RootfsBuilder(this.rig.workspace).launch({
      view: [this.base],
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      signal: new AbortController().signal,
      onOutput: () => undefined,
      cacheFolder: (id) => cacheFolder(this.rig, id),
    });
    await body(machine);
  }

  /** What a shell script prints in the merged tree of layers. */
  look(view: View, script: string): Promise<string> {
    return this.rig.merged(view, script);
  }
}

/** Gives the tests of a file a store of their own with the base in it, and deletes it after them. */
export function withDebian(): () => DebianRig {
  let debian: DebianRig | undefined;
  let close: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    if (noBootstrap !== undefined) return;
    const folder = mkdtempSync(join(tmpdir(), 'imgpipe-test-debian-'));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    close = () => Promise.resolve(remove());
    const storeDirectory = join(folder, 'store');
    const base = await copyBase(storeDirectory);
    const workspace = await openWorkspace({ storeDirectory });
    close = async () => {
      await workspace[Symbol.asyncDispose]();
      remove();
    };
    debian = new DebianRig(new WorkspaceRig(workspace), base);
  });
  afterAll(() => close());
  return () => {
    if (debian === undefined) throw new Error('no base');
    return debian;
  };
}

/** Packs the base as a tar, for pipelines that start from it. */
export async function packBase(tar: string): Promise<void> {
  const { store, layer } = await sharedBase();
  const tree = new LayerStore(store).treeDirectory(layer.digest);
  execFileSync('tar', ['--numeric-owner', '-cf', tar, '-C', tree, '.']);
}

/** Copies the store with the base. */
async function copyBase(target: string): Promise<LayerRef> {
  const { store, layer } = await sharedBase();
  execFileSync('cp', ['-a', '--reflink=auto', store, target]);
  return layer;
}

/** The store with the base, which the first of all files that ask installs: see shared-folder.ts. */
async function sharedBase(): Promise<{ store: string; layer: LayerRef }> {
  const shared = inject('sharedFolder');
  const store = join(shared, 'debian');
  const made = join(shared, 'debian.json');
  using _ = await acquireLock(join(shared, 'debian.lock'), { signal: new AbortController().signal });
  if (!existsSync(made)) {
    rmSync(store, { recursive: true, force: true });
    await using workspace = await openWorkspace({ storeDirectory: store });
    const { layer } = await produceSource(new WorkspaceRig(workspace), bootstrapSource, {
      suite: 'bookworm',
    });
    writeFileSync(made, JSON.stringify(layer));
  }
  return { store, layer: JSON.parse(readFileSync(made, 'utf8')) as LayerRef };
}
