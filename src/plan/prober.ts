import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ActionRecord, LatestRecord, NodeOutput } from '../cache/action-record.ts';
import type { ActionStore } from '../cache/action-store.ts';
import type { InputNotes } from '../cache/input-notes.ts';
import { keyOf, type KeyInputs } from '../cache/key-inputs.ts';
import { hasFingerprint } from '../cache/stat-cache.ts';
import { unreachable } from '../diagnostics/failure.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import type { LockedArchive } from '../model/archive.ts';
import type { SnapshotStore } from '../layers/snapshot-store.ts';
import type { Artifact } from '../model/artifact.ts';
import type { DiskRequest } from '../model/disk-request.ts';
import { imageNodes, sliceNodes, topOf, type GraphNode, type StackSlice } from '../model/graph.ts';
import { asDigest, type CacheKey, type Digest, type NodeId } from '../model/ids.ts';
import type { LayerRef, View } from '../model/layer.ts';
import { isErrno } from '../util/atomic-file.ts';
import { sha256Hex } from '../util/hash.ts';
import { currentBootId } from '../util/process-identity.ts';
import { defineNode, inputNames, type DefinitionContext } from './definition.ts';
import type { Descriptions, NodeDescription } from './describe.ts';
import { explainChanges, type Change } from './explain.ts';
import { takeNotes } from './input-notes.ts';
import { ViewDigests } from './view-digest.ts';

/** What the cache says about a node whose dependencies are all known. */
export type Probe =
  | { readonly state: 'hit'; readonly key: CacheKey; readonly record: ActionRecord }
  /** There is a record, but it was written before the machine last started: its layer or file is hashed once before it is trusted. */
  | {
      readonly state: 'unverified';
      readonly key: CacheKey;
      readonly record: ActionRecord;
      readonly inputs: KeyInputs;
    }
  | { readonly state: 'miss'; readonly key: CacheKey; readonly inputs: KeyInputs; readonly reason: string }
  | {
      readonly state: 'untracked';
      readonly key: CacheKey;
      readonly inputs: KeyInputs;
      readonly reason: string;
    };

/** The layer that a record names. */
export function layerRef(output: NodeOutput & { type: 'layer' }): LayerRef {
  return { digest: asDigest(output.digest), size: output.size, entries: output.entries };
}

export interface ProberOptions extends DefinitionContext {
  readonly descriptions: Descriptions;
  readonly layers: LayerStore;
  readonly snapshots: SnapshotStore;
  readonly actions: ActionStore;
  /** Every step runs again; records are still written. */
  readonly noCache?: boolean;
  /** Exports and checks run again. */
  readonly force?: boolean;
  /** Path of an export's file under the output folder. */
  readonly artifactPath: (node: GraphNode & { role: 'export' }, digest: string) => string;
  /** Folder in which the files of a post-processor go. */
  readonly postFolder: (node: PostNode) => string;
}

type PostNode = GraphNode & { role: 'post' };

/**
 * Answers for one node after the other whether the cache has it. Reads records and stats files; runs nothing and
 * writes nothing, so that `plan` and `build` ask the same question.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #definitions = new Map<NodeId, KeyInputs>();
  readonly #outputs = new Map<NodeId, NodeOutput>();
  readonly #keys = new Map<NodeId, CacheKey>();
  readonly #latest = new Map<NodeId, LatestRecord | undefined>();
  readonly #views = new ViewDigests((node) => this.digest(node));

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Tells the prober what a node gave, so that the nodes above it can be probed. */
  settle(node: NodeId, output: NodeOutput): void {
    this.#outputs.set(node, output);
  }

  output(node: NodeId): NodeOutput | undefined {
    return this.#outputs.get(node);
  }

  /** Key under which a node was last probed. */
  key(node: NodeId): CacheKey | undefined {
    return this.#keys.get(node);
  }

  /** Whether records are not to be used in this run. */
  get skipsCache(): boolean {
    return this.#options.noCache === true;
  }

  /** The layer of a settled layer node. */
  layer(node: NodeId): LayerRef {
    const output = this.#outputs.get(node);
    if (output?.type !== 'layer') throw new Error(`${node} has no layer yet`);
    return layerRef(output);
  }

  /** Digest of the state that a settled layer node gave: of a layer, or of a machine's snapshot. */
  digest(node: NodeId): Digest {
    const output = this.#outputs.get(node);
    if (output?.type !== 'layer' && output?.type !== 'snapshot') throw new Error(`${node} has no state yet`);
    return asDigest(output.digest);
  }

  /** Layers of a node's view, bottom first. */
  view(node: GraphNode): View {
    if (node.role === 'step' || node.role === 'seal')
      return sliceNodes(node.below).map((id) => this.layer(id));
    if (node.role === 'disk' || node.role === 'export' || node.role === 'post') {
      return imageNodes(node).map((id) => this.layer(id));
    }
    return [];
  }

  /**
   * What a node is made of by itself, before anything below it is known.
   * @throws FailureError `input-missing`, `secret-missing`
   */
  definition(node: GraphNode): KeyInputs {
    let definition = this.#definitions.get(node.id);
    if (definition === undefined) {
      definition = defineNode(this.description(node.id), node.origin, this.#options);
      this.#definitions.set(node.id, definition);
    }
    return definition;
  }

  /**
   * Whether the host files that a node read are still what its key says: a file may be edited between the hashing and
   * the reading.
   */
  inputsStand(node: GraphNode): boolean {
    const { inputs } = this.definition(node);
    const { hostInputs = [] } = this.description(node.id);
    return inputNames(hostInputs).every(
      ([name, input]) => this.#options.hasher.digest(input, node.origin) === inputs?.[name],
    );
  }

  /** States of the archives that a node installs from, as the lock has them. */
  lockedArchives(node: NodeId): readonly LockedArchive[] | undefined {
    return this.description(node).archives?.flatMap(({ name }) => this.#options.lock.get(name) ?? []);
  }

  description(node: NodeId): NodeDescription {
    const description = this.#options.descriptions.get(node);
    if (description === undefined) throw new Error(`${node} is not described`);
    return description;
  }

  /** What a node's key is made of now. All nodes it depends on must be settled. */
  inputs(node: GraphNode): KeyInputs {
    const inputs = this.definition(node);
    switch (node.role) {
      case 'source': {
        const disk = node.disk === undefined ? undefined : this.#outputs.get(node.disk);
        return disk?.type === 'disk' ? { ...inputs, from: `disk:${disk.diskKey}` } : inputs;
      }
      case 'step':
      case 'seal':
        return { ...inputs, below: this.#views.of(node.below) };
      case 'disk':
        return node.seal === undefined
          ? { ...inputs, from: this.#machineState(node.stack) }
          : { ...inputs, disk: this.diskRequest(node) };
      case 'export':
        return { ...inputs, from: this.#exportSource(node) };
      case 'post': {
        const from = this.#filesDigest(node.from);
        const reads = this.#postReads(node);
        return { ...inputs, from, ...(reads === undefined ? {} : { reads: { ...inputs.reads, ...reads } }) };
      }
      case 'check': {
        const artifact = this.#outputs.get(node.from);
        return { ...inputs, from: artifact?.type === 'artifact' ? artifact.sha256 : undefined };
      }
      default:
        return unreachable(node);
    }
  }

  probe(node: GraphNode): Probe {
    const inputs = this.inputs(node);
    const key = keyOf(inputs);
    this.#keys.set(node.id, key);
    const { untracked } = this.description(node.id);
    if (untracked !== undefined) return { state: 'untracked', key, inputs, reason: untracked };
    if (this.#options.actions.quarantine.has(key))
      return { state: 'untracked', key, inputs, reason: 'gave different results for equal inputs' };
    if (this.#options.noCache === true)
      return { state: 'miss', key, inputs, reason: 'cache not used (--no-cache)' };
    if (this.#options.force === true && isTarget(node)) {
      return { state: 'miss', key, inputs, reason: 'asked for (-force)' };
    }
    const record = this.#options.actions.get(key);
    if (record === undefined) return { state: 'miss', key, inputs, reason: this.reason(node, inputs) };
    return this.check(node, key, record, inputs);
  }

  /** Whether a record's output is still there. */
  check(node: GraphNode, key: CacheKey, record: ActionRecord, inputs: KeyInputs): Probe {
    const gone = this.#gone(node, record);
    if (gone !== undefined) return { state: 'miss', key, inputs, reason: gone };
    const isFile = ['layer', 'artifact', 'files', 'snapshot'].includes(record.output.type);
    if (isFile && record.bootId !== currentBootId()) {
      return { state: 'unverified', key, record, inputs };
    }
    return { state: 'hit', key, record };
  }

  /** Why a node is not in the cache, in a phrase. */
  reason(node: GraphNode, inputs: KeyInputs): string {
    const { grown } = this.description(node.id);
    if (grown !== undefined) return grown;
    const last = this.latest(node.id);
    if (last === undefined) return 'first build';
    const changes = this.changes(node, inputs, last);
    return changes.map((change) => change.what).join('; ') || 'no longer in the cache';
  }

  /** In what a node differs from a record of it. */
  changes(node: GraphNode, inputs: KeyInputs, last: LatestRecord): Change[] {
    return explainChanges(inputs, last, this.belowDigests(node), () => this.inputNotes(node));
  }

  /** Which files and lines the host files of a node hold now. */
  inputNotes(node: GraphNode): InputNotes | undefined {
    const { hostInputs = [] } = this.description(node.id);
    if (hostInputs.length === 0) return undefined;
    const { hasher, secrets } = this.#options;
    try {
      const files = inputNames(hostInputs).map(([name, input]) => [name, hasher.files(input)] as const);
      return takeNotes(files, secrets.storeKey);
    } catch (error) {
      // Deleted since it was hashed: an explanation less, no more.
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
      throw error;
    }
  }

  /** The node's last record; read once. */
  latest(node: NodeId): LatestRecord | undefined {
    if (!this.#latest.has(node)) this.#latest.set(node, this.#options.actions.latest(node));
    return this.#latest.get(node);
  }

  /** Layer digests below a step by node, for records and explanations; undefined when there are too many to keep. */
  belowDigests(node: GraphNode): Record<NodeId, Digest> | undefined {
    if (node.role !== 'step' && node.role !== 'seal') return undefined;
    if (node.below.length > 200) return undefined;
    const nodes = sliceNodes(node.below);
    if (nodes.some((id) => !['layer', 'snapshot'].includes(this.#outputs.get(id)?.type ?? '')))
      return undefined;
    return Object.fromEntries(nodes.map((id) => [id, this.digest(id)]));
  }

  diskRequest(node: GraphNode & { role: 'disk' }): DiskRequest {
    const nodes = imageNodes(node);
    const { origin: _, ...spec } = node.pipeline.disk;
    const candidates = new Set(node.deltaCandidates);
    return {
      layers: nodes.map((id) => this.layer(id)),
      deltaCandidates: nodes.flatMap((id, at) => (candidates.has(id) ? [at] : [])),
      spec,
      architecture: node.pipeline.architecture,
      sourceDateEpoch: node.pipeline.sourceDateEpoch,
      seed: node.pipeline.id,
    };
  }

  #exportSource(node: GraphNode & { role: 'export' }): string {
    if (node.disk === undefined) {
      return node.seal === undefined
        ? this.#machineState(node.stack)
        : `layers:${this.#views.of(node.stack)}:${this.layer(node.seal).digest}`;
    }
    const disk = this.#outputs.get(node.disk);
    if (disk?.type !== 'disk') throw new Error(`${node.disk} has no disk yet`);
    return `disk:${disk.diskKey}`;
  }

  /** What a disk or artifact of a builder's machine is made from. */
  #machineState(stack: StackSlice): string {
    const top = topOf(stack);
    return top === undefined ? '' : `snapshot:${this.digest(top)}`;
  }

  #gone(node: GraphNode, { output, bootId }: ActionRecord): string | undefined {
    switch (output.type) {
      case 'layer':
        return this.#options.layers.hasLayer(asDigest(output.digest)) ? undefined : 'no longer in the cache';
      case 'snapshot':
        return this.#options.snapshots.has(asDigest(output.digest)) ? undefined : 'no longer in the cache';
      case 'artifact':
        return node.role === 'export' ? this.#artifactGone(node, output, bootId) : undefined;
      case 'files':
        return this.#filesGone(node, output, bootId);
      case 'disk':
      case 'passed':
        return undefined;
      default:
        return unreachable(output);
    }
  }

  #artifactGone(
    node: GraphNode & { role: 'export' },
    output: NodeOutput & { type: 'artifact' },
    bootId: string,
  ): string | undefined {
    const path = this.artifactPath(node);
    if (output.path !== path) return 'another output folder';
    return fileGone(output, bootId);
  }

  #filesGone(node: GraphNode, output: NodeOutput & { type: 'files' }, bootId: string): string | undefined {
    if (node.role === 'post' && output.folder !== this.#options.postFolder(node))
      return 'another output folder';
    for (const [path, fingerprint] of Object.entries(output.made)) {
      const size = output.artifact.files.find((file) => file.path === path)?.size;
      const gone = fileGone({ path, size, fingerprint }, bootId);
      if (gone !== undefined) return gone;
    }
    return undefined;
  }

  /** Path of an export's file. All that the export is made of must be settled. */
  artifactPath(node: GraphNode & { role: 'export' }): string {
    return this.#options.artifactPath(node, sha256Hex(this.#exportSource(node)).slice(0, 12));
  }

  /** The artifact that an export or a post-processor gave. */
  artifact(id: NodeId): Artifact {
    const output = this.#outputs.get(id);
    if (output?.type === 'files') return output.artifact;
    if (output?.type !== 'artifact') throw new Error(`${id} has no artifact yet`);
    const { path, size, sha256 } = output;
    return { files: [{ path, size, sha256 }], builderId: `imgpipe.${this.description(id).kind}`, id: path };
  }

  /** All nodes that a post-processor's artifact comes from, in an order of building. */
  nodesBehind(node: PostNode): readonly NodeId[] {
    const { stack, seal, disk } = node;
    const made = [seal, disk, node.export].flatMap((id) => id ?? []);
    return [...sliceNodes(stack), ...made, ...node.via];
  }

  #filesDigest(from: NodeId): string {
    const { files, id, content, names = [] } = this.artifact(from);
    const sums = files.map(({ path, sha256 }) => [basename(path), sha256]);
    return sha256Hex(JSON.stringify(files.length === 0 ? [id, content ?? '', ...names] : sums));
  }

  #postReads(node: PostNode): Record<string, string> | undefined {
    const reads = this.description(node.id).post?.reads;
    const image =
      node.pipeline.builder === undefined ? this.#views.of(node.stack) : this.#machineState(node.stack);
    if (reads === 'layers') return { layers: image };
    if (reads !== 'build') return undefined;
    const keys = this.nodesBehind(node).map((id) => [id, this.key(id)]);
    return { 'inputs of the build': sha256Hex(JSON.stringify([keys, image])) };
  }
}

function isTarget({ role }: GraphNode): boolean {
  return role === 'export' || role === 'post' || role === 'check';
}

/** What has become of a file that was written before; undefined when it is what it was. */
function fileGone(
  file: { readonly path: string; readonly size: number | undefined; readonly fingerprint: string },
  bootId: string,
): string | undefined {
  const stat = statSync(file.path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return 'its file is gone';
  // Device numbers may be others after a boot: then the content decides.
  if (bootId !== currentBootId())
    return stat.isDirectory() || file.size === undefined || Number(stat.size) === file.size
      ? undefined
      : 'its file was changed';
  return hasFingerprint(file.path, stat, file.fingerprint) ? undefined : 'its file was changed';
}
