import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { LayerStore } from '../../src/layers/layer-store.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { ActiveLayer, CommitRules, ExecOutcome, Workspace } from '../../src/layers/workspace.ts';
import type { LayerRef, View } from '../../src/model/layer.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const EPOCH = 1_735_689_600;
export const RULES: CommitRules = { sourceDateEpoch: EPOCH, drop: [] };

/** Waits until something is as expected; long enough for a machine that is busy with other tests. */
export function eventually<T>(read: () => T, timeout = 60_000): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { timeout, interval: 20 });
}

/** Why workspaces cannot be tried here, or undefined. Ordinary users have a test of their own. */
export const noWorkspace: string | undefined = process.geteuid?.() === 0 ? undefined : 'needs root';

/** A real workspace on an empty store, closed when the test ends. */
export class WorkspaceRig {
  readonly workspace: Workspace;
  readonly store: LayerStore;

  /** On a workspace that somebody else closes. */
  constructor(workspace: Workspace) {
    this.workspace = workspace;
    this.store = new LayerStore(workspace.storeDirectory);
  }

  static async open(
    storeDirectory = join(temporaryFolder(), 'store'),
    signal?: AbortSignal,
  ): Promise<WorkspaceRig> {
    const workspace = await openWorkspace({ storeDirectory, ...(signal === undefined ? {} : { signal }) });
    onTestFinished(() => workspace[Symbol.asyncDispose]());
    return new WorkspaceRig(workspace);
  }

  /** Runs a shell script in the workspace's namespaces. */
  async sh(script: string, cwd?: string): Promise<{ outcome: ExecOutcome; output: string }> {
    let output = '';
    const outcome = await this.workspace.spawn({
      argv: ['sh', '-ec', script],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      ...(cwd === undefined ? {} : { cwd }),
      signal: new AbortController().signal,
      onOutput: ({ text }) => {
        output += text;
      },
    });
    return { outcome, output };
  }

  /** An active layer on `view` in which a script has run. */
  async filled(view: View, script: string): Promise<ActiveLayer> {
    const active = await this.workspace.activate(view);
    const { outcome, output } = await this.sh(script, active.mountPoint);
    if (outcome.type !== 'exited' || outcome.code !== 0)
      throw new Error(`${JSON.stringify(outcome)}: ${output}`);
    return active;
  }

  /** The layer that a script makes on `view`. */
  async layer(view: View, script: string, rules: Partial<CommitRules> = {}): Promise<LayerRef> {
    return await this.workspace.commit(await this.filled(view, script), { ...RULES, ...rules });
  }

  /** Lines of a layer's manifest without the header and the root. */
  manifest(layer: LayerRef): string[] {
    const text = readFileSync(join(this.store.layerDirectory(layer.digest), 'manifest'), 'latin1');
    return text
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('#') && !line.startsWith('/ '));
  }

  /** Paths with their types, e.g. `/usr d`. */
  paths(layer: LayerRef): string[] {
    return this.manifest(layer).map((line) => line.split(' ').slice(0, 2).join(' '));
  }

  /** What `find` prints in the merged tree of a view. */
  async merged(view: View, script: string): Promise<string> {
    const active = await this.workspace.mountView(view);
    const { output } = await this.sh(script, active.mountPoint);
    await this.workspace.discard(active);
    return output.trim();
  }
}

/** A shell script that fills the current folder with a tiny system in which host programs run. */
export function smallRoot(
  programs: readonly string[] = 'sh cat ls id sleep env touch setpriv mkdir rm rmdir ln chown chmod'.split(
    ' ',
  ),
): string {
  const paths = programs.map((name) =>
    execFileSync('sh', ['-c', `realpath "$(command -v ${name})" || echo`], { encoding: 'utf8' }).trim(),
  );
  const found = paths.filter((path) => path.startsWith('/'));
  const libraries = new Set(found.flatMap(librariesOf));
  return [
    'mkdir -p usr/bin usr/lib usr/lib64 usr/sbin etc dev proc sys run tmp var/tmp var/lib root',
    'chmod 1777 tmp var/tmp; ln -s usr/bin bin; ln -s usr/lib lib; ln -s usr/lib64 lib64; ln -s usr/sbin sbin',
    'echo root:x:0:0:root:/root:/bin/sh > etc/passwd; echo web:x:33:33::/var/www:/bin/sh >> etc/passwd',
    'echo root:x:0: > etc/group; echo web:x:33: >> etc/group; echo extra:x:44:web >> etc/group',
    'printf \'ID=tiny\\nPRETTY_NAME="Tiny \\\\"OS\\\\""\\n\' > etc/os-release',
    ...found.map((path, index) => `cp ${path} usr/bin/${programs[paths.indexOf(path, index)]}`),
    ...[...libraries].map((path) => `mkdir -p ./${parent(path)}; cp -L ${path} ./${path}`),
  ].join('\n');
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function librariesOf(program: string): string[] {
  const output = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...output.matchAll(/(\/\S+)(?= \()/g)].map((match) => match[1] ?? '').filter((path) => path !== '');
}
