import type { ActionStore } from '../cache/action-store.ts';
import type { Journal } from '../cache/journal.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import type { SnapshotStore } from '../layers/snapshot-store.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { GraphNode } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { LateOptions } from '../model/late-options.ts';
import type { Kinds } from '../plan/kinds.ts';
import type { Prober } from '../plan/prober.ts';
import type { SecretResolver } from '../plan/secret-resolver.ts';

/**
 * What to do with a failed step. `cleanup`: its pipeline ends, after its clean-up step; `leave`: without that step;
 * `abort`: the whole run ends; `shell` is for the command line, which opens it when the run has ended.
 */
export type OnError = 'cleanup' | 'leave' | 'abort' | 'ask' | 'shell';

/** Everything the executor needs from the run it belongs to. */
export interface ExecutorServices {
  readonly layout: StoreLayout;
  readonly layers: LayerStore;
  readonly snapshots: SnapshotStore;
  readonly actions: ActionStore;
  readonly nodes: ReadonlyMap<NodeId, GraphNode>;
  readonly prober: Prober;
  readonly kinds: Kinds;
  readonly secrets: SecretResolver;
  readonly sink: EventSink;
  readonly journal: Journal;
  readonly project: string;
  readonly runId: string;
  readonly onError: OnError;
  readonly lateOptions?: LateOptions;
  /** Asks before every step whether to go on. */
  readonly stepwise?: boolean;
  /** The run's one workspace, started at first use. */
  readonly workspace: () => Promise<Workspace>;
  readonly artifactPath: (node: GraphNode & { role: 'export' }) => string;
  /** Folder in which the files of a post-processor go. */
  readonly postFolder: (node: GraphNode & { role: 'post' }) => string;
}

/** What making a layer needs of it. */
export type LayerServices = Pick<
  ExecutorServices,
  | 'layout'
  | 'layers'
  | 'actions'
  | 'nodes'
  | 'prober'
  | 'kinds'
  | 'secrets'
  | 'sink'
  | 'project'
  | 'workspace'
>;
