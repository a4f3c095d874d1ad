import { asCacheKey, type CacheKey } from '../model/ids.ts';
import type { PlacementFacts } from '../layers/workspace.ts';
import type { DiskRequest } from '../model/disk-request.ts';
import type { Architecture } from '../model/platform.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import { sha256Hex } from '../util/hash.ts';

/**
 * Everything that may influence the result of a node, and nothing else. The key is the SHA-256 of its canonical JSON.
 *
 * Out, on purpose: names and labels of steps and pipelines, host paths, times and owners of host files, log and
 * output settings, timeouts and retries, how many run at once. A new option of a kind is in unless its schema says
 * `key: 'out'` or `key: 'content'`.
 */
export interface KeyInputs {
  /** Kind of node and its implementation's version: a kind that gives another result raises its `keyVersion`. */
  readonly kind: string;
  readonly keyVersion: number;
  /** Digest of the code of the plugin that the kind comes from. */
  readonly code?: string;
  /** Options in the key, defaults filled in, order of fields without meaning. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Content of host files by the option that names them: path inside a tree, type, mode bits, bytes. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Secrets by name, as HMAC-SHA-256 under the store's own key. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** For nodes that install packages: state of the archives they read, by the name in `imgpipe.lock`. */
  readonly archives?: Readonly<Record<string, readonly ArchiveState[]>>;
  /**
   * The step installs what is missing from a list onto a cached part of it: local to this store, as from scratch the
   * tree may be another one.
   */
  readonly grown?: true;
  /** Versions of host programs that have a say in the result. */
  readonly tools?: Readonly<Record<string, string>>;
  readonly platform?: {
    readonly architecture: Architecture;
    readonly builder: string;
    /** What of a builder's options and of the host shapes the state of its machines (`BuilderInfluence.platform`). */
    readonly machine?: Readonly<Record<string, unknown>>;
  };
  readonly sourceDateEpoch?: number;
  /** Digest over the output digests of the layers below: same outputs, same key, whatever made them (early cut-off). */
  readonly below?: string;
  /** For write-only steps, instead of `below`: all they may depend on of what lies below. */
  readonly placement?: PlacementFacts;
  /** For disks: what they are made of. */
  readonly disk?: DiskRequest;
  /** For exports: facts of the pipeline that are written into the file, by name. For them and post-processors: versions of libraries. */
  readonly reads?: Readonly<Record<string, unknown>>;
  /** For exports: key of the disk, or digest of the layers they read. For checks: SHA-256 of the artifact; for post-processors of its files and their names. */
  readonly from?: string;
}

/** What one suite of a package archive held. */
export interface ArchiveState {
  readonly suite: string;
  /** Digest of what has a say in an installation; see `LockedRelease`. */
  readonly content: string;
  /** Its address, for a source that writes it into the image. */
  readonly uri?: string;
}

/** The key of a record of inputs. */
export function keyOf(inputs: KeyInputs): CacheKey {
  return asCacheKey(sha256Hex(canonicalJson(inputs)));
}
