import type { Digest } from '../../model/ids.ts';
import type { LayerRef } from '../../model/layer.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';
import type { ExecOutcome, ProgramInput } from '../../util/exec.ts';
import type {
  CommitRules,
  ImageFile,
  MemoryFile,
  MountPoint,
  PlacementFacts,
  PreparedMountPoints,
} from '../workspace.ts';

/**
 * Messages between imgpipe and the helper process of a workspace, over Node's IPC channel. Both ends are the same
 * build of imgpipe; imgpipe parses what comes back (`reply-schema.ts`).
 */
export interface AgentSettings {
  readonly store: string;
  /** Name of this run's folder under `<store>/active`. */
  readonly run: string;
}

/** What is asked of the helper; each gets exactly one `done` or `failed` with its `id`. */
export type AgentRequest =
  | { readonly type: 'activate'; readonly view: readonly Digest[]; readonly shim: readonly TreeEntry[] }
  | { readonly type: 'mount-view'; readonly view: readonly Digest[] }
  | {
      readonly type: 'spawn';
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string;
      readonly stdin?: string;
      readonly inputs?: readonly ProgramInput[];
      readonly memoryFiles?: readonly MemoryFile[];
      readonly timeoutMs?: number;
    }
  | { readonly type: 'commit'; readonly active: string; readonly rules: CommitRules }
  | { readonly type: 'discard'; readonly active: string }
  | {
      readonly type: 'write-layer';
      readonly entries: readonly TreeEntry[];
      readonly facts: PlacementFacts;
      readonly rules: CommitRules;
    }
  | { readonly type: 'verify'; readonly layer: Digest }
  | { readonly type: 'read-text'; readonly path: string }
  | { readonly type: 'read-active'; readonly active: string; readonly path: string }
  | { readonly type: 'write-active'; readonly active: string; readonly file: ImageFile }
  | { readonly type: 'prepare-mount-points'; readonly active: string; readonly points: readonly MountPoint[] }
  | { readonly type: 'remove-mount-points'; readonly active: string; readonly made: readonly string[] }
  | { readonly type: 'remove'; readonly paths: readonly string[] }
  | { readonly type: 'take-away'; readonly paths: readonly string[] }
  | { readonly type: 'settle' }
  | { readonly type: 'stop' };

export type RequestOf<Type extends AgentRequest['type']> = Extract<AgentRequest, { type: Type }>;

export type ToAgent =
  | { readonly type: 'request'; readonly id: number; readonly request: AgentRequest }
  /** Ends the program of a `spawn` request. */
  | { readonly type: 'cancel'; readonly id: number };

/** What a request gives. */
export interface AgentResults {
  readonly activate: { readonly id: string; readonly mountPoint: string };
  readonly 'mount-view': { readonly id: string; readonly mountPoint: string };
  readonly spawn: ExecOutcome;
  readonly commit: LayerRef;
  readonly discard: null;
  readonly 'write-layer': LayerRef;
  readonly verify: 'intact' | 'damaged' | 'missing';
  readonly 'read-text': string | null;
  readonly 'read-active': string | null;
  readonly 'write-active': null;
  readonly 'prepare-mount-points': PreparedMountPoints;
  readonly 'remove-mount-points': null;
  readonly remove: null;
  readonly 'take-away': null;
  readonly settle: null;
  readonly stop: null;
}
