import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import xxhash from 'xxhash-wasm';
import { ActionStore } from '../cache/action-store.ts';
import { StatCache } from '../cache/stat-cache.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import type { ProjectConfig } from '../config/load-config.ts';
import { exportFileName, pipelineFolder } from '../exporters/output.ts';
import { readLock, type Lock } from '../freshness/lock-file.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { SnapshotStore } from '../layers/snapshot-store.ts';
import type { Workspace } from '../layers/workspace.ts';
import { unwrap } from '../diagnostics/failure.ts';
import type { Kinds } from '../plan/kinds.ts';
import type { GraphNode } from '../model/graph.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { Descriptions } from '../plan/describe.ts';
import { InputHasher } from '../plan/input-digest.ts';
import { Prober } from '../plan/prober.ts';
import { SecretResolver } from '../plan/secret-resolver.ts';
import { ToolVersions } from '../plan/tool-versions.ts';
import type { Redactor } from '../util/redact.ts';
import type { CompiledProject } from './compile.ts';

/** One project with its open store: what every command that looks at the cache works with. */
export class Session {
  readonly config: ProjectConfig;
  readonly layout: StoreLayout;
  readonly layers: LayerStore;
  readonly snapshots: SnapshotStore;
  readonly actions: ActionStore;
  readonly statCache: StatCache;

  constructor(config: ProjectConfig, layout: StoreLayout) {
    this.config = config;
    this.layout = layout;
    this.layers = new LayerStore(layout.root);
    this.snapshots = new SnapshotStore(layout.root);
    this.actions = new ActionStore(layout, config.root);
    this.statCache = new StatCache(layout.statCacheFile(config.root));
  }

  /** The question "is it cached" for one project; `secrets` also serve its execution. */
  async prober(
    compiled: CompiledProject,
    options: { noCache: boolean; force?: boolean; redactor: Redactor; lock?: Lock },
  ): Promise<{ prober: Prober; secrets: SecretResolver }> {
    const lock = options.lock ?? (await readLock(this.config.root, this.statCache));
    const secrets = new SecretResolver(compiled.secrets, options.redactor, this.layout.secretKeyFile);
    const prober = new Prober({
      descriptions: compiled.descriptions,
      tools: new ToolVersions(this.statCache),
      lock,
      hasher: new InputHasher(this.statCache, await xxhash()),
      secrets,
      layers: this.layers,
      snapshots: this.snapshots,
      actions: this.actions,
      noCache: options.noCache,
      force: options.force,
      artifactPath: (node, digest) => this.#artifactPath(node, compiled.descriptions, digest),
      postFolder: (node) => this.folderOf(node),
    });
    return { prober, secrets };
  }

  /** `<output>/<pipeline>/<pipeline>.qcow2`, or with a name of its own `<pipeline>-<name>.qcow2`. */
  #artifactPath(node: GraphNode & { role: 'export' }, descriptions: Descriptions, digest: string): string {
    const extension = descriptions.get(node.id)?.artifact?.extension ?? '';
    const { pipeline, export: item } = node;
    return join(this.folderOf(node), exportFileName({ pipeline, item, extension }, digest));
  }

  /** Where files go: beside the other images, or into the store when only a post-processor wants them. */
  folderOf(node: GraphNode & { role: 'export' | 'post' }): string {
    return node.transient === true || node.pipeline.elsewhere === true
      ? this.layout.transientFolder(this.config.root, node.id)
      : this.outputFolder(node.pipeline);
  }

  outputFolder(pipeline: Pipeline): string {
    return pipelineFolder(this.config.output, pipeline.id);
  }

  /** All kinds; loaded when something has to run. */
  async kinds(): Promise<Kinds> {
    const { loadKinds } = await import('./load-kinds.ts');
    return unwrap(await loadKinds(this.config));
  }

  /** A workspace on this store; its helper process starts at the first use. */
  async openWorkspace(): Promise<Workspace> {
    const { openWorkspace } = await import('../layers/overlayfs/overlay-workspace.ts');
    return await openWorkspace({ storeDirectory: this.layout.root });
  }
}

/** Id of a run: sorts by time, and two runs of one second differ. */
export function newRunId(now = new Date()): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}
