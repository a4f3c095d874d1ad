import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Format of the store on disk; raised when an older imgpipe could not read it. */
export const STORE_FORMAT = 1;

/**
 * Paths of a store. Everything under it may be deleted at any time while no imgpipe runs; the next build is slower,
 * never wrong.
 *
 *     CACHEDIR.TAG             marks the folder for backup programs (bford.info/cachedir)
 *     format.json              {"format": 1}; a newer one is refused, never touched
 *     secret-key               32 random bytes (mode 0600): keys the hashes of secrets
 *     actions/ab/<key>.json    what a key gave (output, inputs, duration); written last, so it never lies
 *     latest/<node>.json       the last record of each node of each project: history and `why`
 *     layers/<hex>/            immutable layers, see src/layers; the time of their info.json is that of their last use
 *     snapshots/<hex>/         immutable states of builders' machines, see src/layers/snapshot-store.ts
 *     disks/<key>.raw          bases of disks, and disks that some exporter wants as a file; <key>.raw.json says they are whole
 *     disks/<key>.<base>.patch  a disk as its difference from its base, see disk-patch.ts
 *     artifacts/<node>/        files that only a post-processor wants, with their names
 *     active/<run>/            mutable trees of running steps, see src/layers
 *     scratch/<run>/           temporary files of running nodes
 *     failed/<node>.json       where the last failure of a node left its layer, for `imgpipe shell`
 *     mounts/<id>/             cache mounts (package downloads, what exports compressed), shared by runs, in no layer
 *     stat-cache/<project>.json  fingerprints of input files
 *     checked/<project>.json   when entries of imgpipe.lock were last compared with their archives
 *     quarantine/<key>.json    a key that gave two results: its record is gone and none is written again
 *     used/<selection>         when the layers of a project's selection were last noted as used, by its time
 *     locks/<name>.json        who works on a key now
 *     locks/presence-*.alive   held locked by a living process, see presence.ts
 *     journal/<run>.json       ledger of a living run: processes and paths that must not outlive it
 *     logs/<run>/              events.ndjson and one log a node, untruncated; result.json
 */
export class StoreLayout {
  readonly root: string;
  constructor(root: string) {
    this.root = root;
  }
  get formatFile(): string {
    return join(this.root, 'format.json');
  }
  get tagFile(): string {
    return join(this.root, 'CACHEDIR.TAG');
  }
  get secretKeyFile(): string {
    return join(this.root, 'secret-key');
  }
  folder(name: 'actions' | 'latest' | 'layers' | 'snapshots' | 'disks' | 'scratch' | 'failed' | 'mounts' | 'used' | 'stat-cache' | 'checked' | 'locks' | 'journal' | 'logs' | 'artifacts' | 'quarantine'): string {
    return `${this.root}/${name}`;
  }
  actionFile(key: string): string {
    return `${this.root}/actions/${key.slice(0, 2)}/${key}.json`;
  }
  /** A node's file name is a hash: ids hold slashes, and two projects may use the same names. */
  nodeFile(folder: 'latest' | 'failed', project: string, id: string): string {
    return `${this.root}/${folder}/${shortHash(`${project}\0${id}`)}.json`;
  }
  /** Folder of the files of one node that do not go into the output folder. */
  transientFolder(project: string, id: string): string {
    return `${this.root}/artifacts/${shortHash(`${project}\0${id}`)}`;
  }
  statCacheFile(project: string): string {
    return `${this.root}/stat-cache/${shortHash(project)}.json`;
  }
  /** When the entries of a project's lock were last compared with their archives. */
  checkedFile(project: string): string {
    return `${this.root}/checked/${shortHash(project)}.json`;
  }
  /** @param selection names the pipelines of a project */
  usedFile(project: string, selection: string): string {
    return `${this.root}/used/${shortHash(`${project}\0${selection}`)}`;
  }
  diskFile(key: string): string {
    return `${this.root}/disks/${key}.raw`;
  }
  /** @param base key of the disk that it patches */
  patchFile(key: string, base: string): string {
    return `${this.root}/disks/${key}.${base}.patch`;
  }
  lockFile(name: string): string {
    return `${this.root}/locks/${name}.json`;
  }
  journalFile(runId: string): string {
    return `${this.root}/journal/${runId}.json`;
  }
  logFolder(runId: string): string {
    return `${this.root}/logs/${runId}`;
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
