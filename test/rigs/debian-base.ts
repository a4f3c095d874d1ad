import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Machine } from '../../src/builders/machine.ts';
import { RootfsBuilder } from './rootfs-builder.ts';
import { unwrap, type Result } from '../../src/diagnostics/failure.ts';
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

/** A minimal Debian, installed once for a test file, on which steps run for real. */
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

/** Installs the base before the tests of a file and deletes it after them. */
export function withDebian(suite = 'bookworm'): () => DebianRig {
  let debian: DebianRig | undefined;
  let close: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    if (noBootstrap !== undefined) return;
    const folder = mkdtempSync(join(tmpdir(), 'imgpipe-test-debian-'));
    const workspace = await openWorkspace({ storeDirectory: join(folder, 'store') });
    close = async () => {
      await workspace[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    };
    const rig = new WorkspaceRig(workspace);
    debian = new DebianRig(rig, (await produceSource(rig, bootstrapSource, { suite })).layer);
  });
  afterAll(() => close());
  return () => {
    if (debian === undefined) throw new Error('no base');
    return debian;
  };
}
