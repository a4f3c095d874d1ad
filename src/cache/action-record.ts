import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';
import type { Artifact } from '../model/artifact.ts';
import type { InputNotes } from './input-notes.ts';
import type { KeyInputs } from './key-inputs.ts';

/** Raised whenever a record's type changes: records of another format are misses. */
const ACTION_FORMAT: SealFormat<ActionRecord> = 'imgpipe-action-1';
const LATEST_FORMAT: SealFormat<LatestRecord> = 'imgpipe-latest-1';

/** What a node gave. */
export type NodeOutput =
  | { readonly type: 'layer'; readonly digest: string; readonly size: number; readonly entries: number }
  /** A state of a builder's machine; not `kept` when it lasts only as long as the machine runs. */
  | { readonly type: 'snapshot'; readonly digest: string; readonly size: number; readonly kept: boolean }
  /** A raw disk under `disks/`. */
  | { readonly type: 'disk'; readonly diskKey: string; readonly size: number }
  | ArtifactOutput
  | FilesOutput
  | { readonly type: 'passed' };

export interface ArtifactOutput {
  readonly type: 'artifact';
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Size, times and inode of the file when it was written: a changed file is not taken for it. */
  readonly fingerprint: string;
}

/** What a post-processor gave. */
export interface FilesOutput {
  readonly type: 'files';
  /** The artifact that the next post-processor gets. */
  readonly artifact: Artifact;
  /**
   * Fingerprints of the files that it made itself, by path: a changed or deleted one is made again. Also of such as are
   * no part of the artifact, e.g. copies in another folder.
   */
  readonly made: Readonly<Record<string, string>>;
  /** Folder in which it puts them. */
  readonly folder: string;
  /** Of all files of the artifact. */
  readonly size: number;
}

/** What a key gave, as stored under `actions/`. */
export interface ActionRecord {
  readonly key: string;
  /** Node that wrote it, for people; another node with equal inputs uses it as well. */
  readonly node: string;
  readonly inputs: KeyInputs;
  readonly output: NodeOutput;
  readonly durationMs: number;
  readonly createdAt: string;
  /**
   * Boot in which it was written. After a power cut its layer may have lost bytes that never reached the disk, so
   * under another boot the layer is verified once before it is used.
   */
  readonly bootId: string;
}

/** The last result of a node, for history, `why` and expected durations. */
export interface LatestRecord {
  readonly node: string;
  readonly key: string;
  readonly inputs: KeyInputs;
  readonly output: NodeOutput;
  /** Digests of the layers below by node, when there were not too many, so that a later miss can name the changed one. */
  readonly below?: Readonly<Record<string, string>>;
  /** Which files and lines its host files had, for inputs of moderate size. */
  readonly notes?: InputNotes;
  readonly durationMs: number;
  readonly ranAt: string;
}

export const formatActionRecord = (record: ActionRecord): string => sealJson(ACTION_FORMAT, record);
export const formatLatestRecord = (record: LatestRecord): string => sealJson(LATEST_FORMAT, record);

/** A record, or undefined when the text is not one, whole: corrupt equals miss. */
export const parseActionRecord = (text: string): ActionRecord | undefined => openSealedJson(ACTION_FORMAT, text);

/** As `parseActionRecord`, for the last record of a node. */
export const parseLatestRecord = (text: string): LatestRecord | undefined => openSealedJson(LATEST_FORMAT, text);
