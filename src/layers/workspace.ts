import type { Digest } from '../model/ids.ts';
import type { LayerRef, View } from '../model/layer.ts';
import type { TreeEntry } from '../model/tree-entry.ts';

/** How one program ended. */
export type ExecOutcome =
  | { readonly type: 'exited'; readonly code: number }
  | { readonly type: 'signaled'; readonly signal: string }
  | { readonly type: 'timed-out'; readonly afterMs: number };

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Whole or part of lines, as they came; decoded as UTF-8. */
  readonly text: string;
}

/** A program to run on the host side of a workspace (in its namespaces, not in a sandbox). */
export interface HostCommand {
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. Secret values may be here, never in `argv`. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is then closed. */
  readonly stdin?: string;
  readonly timeoutMs?: number;
  /** Ends the program and all its children: SIGTERM, after 1 s SIGKILL. */
  readonly signal: AbortSignal;
  readonly onOutput: (chunk: OutputChunk) => void;
}

/** A mutable, private overlay on top of a view: active until committed or discarded. */
export interface ActiveLayer {
  readonly id: string;
  /** Merged tree, as a path inside the workspace's mount namespace. */
  readonly mountPoint: string;
}

/** Rules by which a tree becomes a deterministic layer. */
export interface CommitRules {
  /** Newer times are set to this, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  /**
   * Paths to leave out of the layer, relative to the root, without leading slash; a trailing slash names all that
   * lies in a folder, `*` matches within one part. See `docs/dev/keys.md` for why each is dropped.
   */
  readonly drop: readonly string[];
}

/**
 * What a view has at the paths that a write-only step writes: all that such a step may depend on. Canonical and
 * JSON-serialisable, because it goes into the key. Gives, for every entry, the real path after links of the image,
 * the folders on the way (mode, owner) that exist, and the numeric ids of named owners.
 */
export interface PlacementFacts {
  readonly placements: readonly Placement[];
}

export interface Placement {
  /** Real absolute path of the entry in the image. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Existing folders above it, topmost first, whose attributes the layer must repeat. */
  readonly parents: readonly { readonly path: string; readonly mode: number; readonly uid: number; readonly gid: number }[];
  /** Set for `remove` entries: whether the path exists. */
  readonly exists?: boolean;
}

/**
 * A private place in which layers are mounted, filled and committed: a helper process in its own mount and PID
 * namespace (and user namespace when imgpipe is not root). When imgpipe dies in any way the kernel ends the helper,
 * its children and its mounts.
 *
 * Lifecycle: `activate` → run programs in `mountPoint` → `commit` (immutable, digest-named, in the store) or
 * `discard`. A committed layer is never written again.
 */
export interface Workspace extends AsyncDisposable {
  /** An overlay on `view`; an empty view gives an empty tree. */
  activate(view: View): Promise<ActiveLayer>;
  /** Runs a program in the workspace's namespaces. */
  spawn(command: HostCommand): Promise<ExecOutcome>;
  /**
   * Normalises, hashes and stores the active layer; entries equal to what lies below are left out.
   * @throws FailureError `disk-full`, `permission-denied`
   */
  commit(active: ActiveLayer, rules: CommitRules): Promise<LayerRef>;
  /** Unmounts and deletes an active layer. */
  discard(active: ActiveLayer): Promise<void>;
  /** A read-only merged tree of `view`, for exporters; `discard` it afterwards. */
  mountView(view: View): Promise<ActiveLayer>;
  /** @throws FailureError `template-invalid` when a named owner does not exist in the image */
  placementFacts(view: View, entries: readonly TreeEntry[]): Promise<PlacementFacts>;
  /** Builds and stores the layer of a write-only step. Needs no mount. */
  writeLayer(entries: readonly TreeEntry[], facts: PlacementFacts, rules: CommitRules): Promise<LayerRef>;
  /** Paths of `view` that match a pattern (`*` within one part), sorted, absolute. */
  glob(view: View, patterns: readonly string[]): Promise<string[]>;
  /** Text of one file of a view, links of the image followed; undefined when there is none. */
  readText(view: View, path: string): Promise<string | undefined>;
  /** Re-hashes a stored layer. */
  verify(layer: Digest): Promise<'intact' | 'damaged' | 'missing'>;
  /** Deletes a tree that may belong to mapped ids of a user namespace. */
  remove(path: string): Promise<void>;
}
