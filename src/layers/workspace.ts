import type { Digest } from '../model/ids.ts';
import type { LayerRef, View } from '../model/layer.ts';
import type { TreeEntry } from '../model/tree-entry.ts';
import type { SecretValue } from './secret-scan.ts';
import type { ExecOutcome, HostCommand, OutputChunk } from '../util/exec.ts';

export type { ExecOutcome, HostCommand, OutputChunk };

/** A file that is in memory only, and only while one program runs. */
export interface MemoryFile {
  /** Below `Workspace.memoryDirectory`; folders on the way are made. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A program to run in a workspace. */
export interface WorkspaceCommand extends Omit<HostCommand, 'onOutput'> {
  readonly onOutput: (chunk: OutputChunk) => void;
  readonly memoryFiles?: readonly MemoryFile[];
}

/** A file to be written into an active layer. */
export interface ImageFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface MountPoint {
  /** Absolute in the image. */
  readonly path: string;
  readonly type: 'file' | 'directory';
}

export interface PreparedMountPoints {
  /** Real paths, in the order asked for. */
  readonly paths: readonly string[];
  /** Paths that were made for it, a folder before what it holds. */
  readonly made: readonly string[];
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
  /** A layer that holds one of these is refused (`secret-leak`). */
  readonly secrets?: readonly SecretValue[];
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
  readonly parents: readonly {
    readonly path: string;
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    /** Extended attributes, such as access lists, when there are any: names, and values in hexadecimal digits. */
    readonly xattrs?: readonly (readonly [name: string, hex: string])[];
  }[];
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
  /** Root of the store whose layers it works on (absolute). */
  readonly storeDirectory: string;
  /** A tmpfs that only the workspace sees (absolute): for secrets. */
  readonly memoryDirectory: string;
  /** A folder for files that must not outlive the workspace, however it ends (absolute). Made by who uses it. */
  readonly scratchDirectory: string;
  /** Starts the helper ahead of need; it takes some 0.1 s. Otherwise it starts with the first call that needs it. */
  warmUp(): void;
  /**
   * An overlay on `view`; an empty view gives an empty tree.
   * @param options.shim entries shown on top of the view and never committed (a sandbox's own files)
   */
  activate(view: View, options?: { shim?: readonly TreeEntry[] }): Promise<ActiveLayer>;
  /** Text of a file of an active layer, links of the image followed; undefined when there is none. */
  readActive(active: ActiveLayer, path: string): Promise<string | undefined>;
  /** Writes a file of an active layer, links of the image followed; missing folders on the way become 0755 root. */
  writeActive(active: ActiveLayer, file: ImageFile): Promise<void>;
  /** Makes sure that something can be mounted at paths of an active layer. */
  prepareMountPoints(active: ActiveLayer, points: readonly MountPoint[]): Promise<PreparedMountPoints>;
  /** Takes back what `prepareMountPoints` made. */
  removeMountPoints(active: ActiveLayer, prepared: PreparedMountPoints): Promise<void>;
  /** Runs a program in the workspace's namespaces. */
  spawn(command: WorkspaceCommand): Promise<ExecOutcome>;
  /**
   * A command line (for a shell on the user's own terminal) that runs `argv` in the workspace's namespaces. Works as
   * long as the workspace is open.
   */
  enterCommand(argv: readonly string[]): Promise<readonly string[]>;
  /**
   * Normalises, hashes and stores the active layer; entries equal to what lies below are left out.
   * @throws FailureError `disk-full`, `permission-denied`, `secret-leak`
   */
  commit(active: ActiveLayer, rules: CommitRules): Promise<LayerRef>;
  /** Unmounts and deletes an active layer. */
  discard(active: ActiveLayer): Promise<void>;
  /** A read-only merged tree of `view`, for exporters; `discard` it afterwards. */
  mountView(view: View): Promise<ActiveLayer>;
  /** @throws FailureError `template-invalid` when a named owner does not exist in the image */
  placementFacts(view: View, entries: readonly TreeEntry[]): Promise<PlacementFacts>;
  /** Builds and stores the layer of a write-only step: exactly its entries, `rules.drop` does not apply. Needs no mount. */
  writeLayer(entries: readonly TreeEntry[], facts: PlacementFacts, rules: CommitRules): Promise<LayerRef>;
  /** Paths of `view` that match a pattern (`*` within one part), sorted, absolute. */
  glob(view: View, patterns: readonly string[]): Promise<string[]>;
  /** Text of one file of a view, links of the image followed; undefined when there is none. */
  readText(view: View, path: string): Promise<string | undefined>;
  /** Re-hashes a stored layer. */
  verify(layer: Digest): Promise<'intact' | 'damaged' | 'missing'>;
  /** Deletes trees that may belong to mapped ids of a user namespace; many at once cost little more than one. */
  remove(...paths: readonly string[]): Promise<void>;
  /**
   * As `remove`, but returns when none of the trees is in its place any more; what they hold is deleted behind it, until
   * `settle`. What a killed process leaves of them is cleared by the next workspace.
   */
  takeAway(...paths: readonly string[]): Promise<void>;
  /** Waits until all that was taken away, and what dead runs left of theirs, is deleted, and its space free. */
  settle(): Promise<void>;
}
