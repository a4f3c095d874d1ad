import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openQemu } from '../../src/builders/qemu/driver.ts';
import { qemuSchema } from '../../src/builders/qemu/options.ts';
import type { DriverContext, LedgerEntry, MachineDriver } from '../../src/builders/machine-builder.ts';
import { SnapshotStore } from '../../src/layers/snapshot-store.ts';
import type { KindUse, Pipeline } from '../../src/model/pipeline.ts';
import { EPOCH } from './workspace.ts';

export interface DriverRig {
  readonly driver: MachineDriver;
  /** Entries that were not struck out. */
  readonly ledger: Set<LedgerEntry>;
  readonly logged: string[];
  readonly store: SnapshotStore;
}

/** A driver of virtual machines by itself, on a store of its own, without the engine. */
export async function openDriver(folder: string, options: object, signal?: AbortSignal): Promise<DriverRig> {
  const store = new SnapshotStore(join(folder, 'store'));
  const ledger = new Set<LedgerEntry>();
  const logged: string[] = [];
  const log = (line: string): void => void logged.push(line);
  const context: DriverContext = {
    pipeline: { id: 'test', name: 'test', architecture: 'amd64', sourceDateEpoch: EPOCH } as Pipeline,
    snapshots: {
      stage: () => store.stage(),
      commit: (staged, info, hashes) => store.commit(staged, { ...info, builder: 'qemu' }, hashes),
      folder: (digest) => store.folder(digest),
      chain: (digest) => store.chain(digest),
      known: () => [],
      forget: (digest) => store.remove(digest),
    },
    scratch: folder,
    cacheFolder: (id) => {
      mkdirSync(join(folder, 'kept', id), { recursive: true });
      return Promise.resolve(join(folder, 'kept', id));
    },
    signal: signal ?? new AbortController().signal,
    resolvePath: (path) => (path.startsWith('/') ? path : join(folder, path)),
    secret: () => Promise.reject(new Error('no secrets here')),
    hide: () => undefined,
    ledger: (entry) => {
      ledger.add(entry);
      return () => void ledger.delete(entry);
    },
    output: ({ text }) => log(text),
    log,
    status: log,
    ask: () => Promise.resolve(''),
    progress: () => undefined,
  };
  const driver = await openQemu(qemuSchema.parse(options), context);
  onTestFinished(() => driver[Symbol.asyncDispose]());
  return { driver, ledger, logged, store };
}

/** A source as the graph has it. */
export function sourceUse(type: string, options: Readonly<Record<string, unknown>>): KindUse {
  return { type, options } as KindUse;
}
