import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../diagnostics/failure.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { storeFailure } from './open-store.ts';
import { holderSchema, isHolderAlive, showPresence, type OwnPresence } from './presence.ts';
import type { StoreLayout } from './store-layout.ts';

const entrySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('process'), process: holderSchema, what: z.string() }),
  z.object({ type: z.literal('path'), path: z.string(), what: z.string() }),
]);

const journalSchema = z.object({
  runId: z.string(),
  process: holderSchema,
  command: z.string(),
  project: z.string(),
  startedAt: z.string(),
  /** Keys in use: their layers and disks must not be pruned. */
  leases: z.array(z.string()),
  entries: z.array(entrySchema),
});

export type JournalEntry = z.output<typeof entrySchema>;
export type JournalRecord = z.output<typeof journalSchema>;

/**
 * Ledger and lease of one run: everything outside the process that must not outlive it is written here before it is
 * made, so that the next start or `imgpipe gc` can reap what a killed run left. Helpers in namespaces need no entry:
 * the kernel ends them.
 */
export class Journal implements Disposable {
  readonly #file: string;
  readonly #presence: OwnPresence;
  #record: JournalRecord;

  /** @throws FailureError `disk-full`, `permission-denied` */
  static open(layout: StoreLayout, run: { runId: string; command: string; project: string }): Journal {
    try {
      return new Journal(layout, run);
    } catch (error) {
      const failure = storeFailure(layout.root, error);
      throw failure === undefined ? error : new FailureError(failure);
    }
  }

  constructor(layout: StoreLayout, run: { runId: string; command: string; project: string }) {
    this.#presence = showPresence(layout.folder('locks'));
    this.#file = layout.journalFile(run.runId);
    this.#record = { ...run, process: this.#presence.holder, startedAt: new Date().toISOString(), leases: [], entries: [] };
    try {
      this.#write();
    } catch (error) {
      this.#presence[Symbol.dispose]();
      throw error;
    }
  }

  /** Names what is about to be made. Returns a function that strikes it out once it is gone. */
  add(entry: JournalEntry): () => void {
    this.#record = { ...this.#record, entries: [...this.#record.entries, entry] };
    this.#write();
    return () => {
      this.#record = { ...this.#record, entries: this.#record.entries.filter((other) => other !== entry) };
      try {
        this.#write();
      } catch {
        // A disk that takes no changes: what is named and gone does no harm.
      }
    };
  }

  /** Protects layers and disks (hex digests or keys) from `cache prune` as long as this process lives. */
  lease(names: Iterable<string>): void {
    const leases = new Set([...this.#record.leases, ...names]);
    if (leases.size === this.#record.leases.length) return;
    this.#record = { ...this.#record, leases: [...leases] };
    this.#write();
  }

  [Symbol.dispose](): void {
    removeQuietly(this.#file);
    this.#presence[Symbol.dispose]();
  }

  #write(): void {
    writeFileAtomic(this.#file, JSON.stringify(this.#record));
  }
}

export interface RunState {
  readonly record: JournalRecord;
  readonly alive: boolean;
}

/** Runs that live, and runs that died without closing their journal. */
export function readJournals(layout: StoreLayout): RunState[] {
  const folder = layout.folder('journal');
  return listFolder(folder).flatMap((name) => {
    if (!name.endsWith('.json')) return [];
    try {
      const record = journalSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      return [{ record, alive: isHolderAlive(layout.folder('locks'), record.process) }];
    } catch (error) {
      // A journal is written atomically: an unreadable one is not ours, or its run closed it just now.
      if (isErrno(error, 'ENOENT', 'EISDIR') || error instanceof SyntaxError || error instanceof z.ZodError) return [];
      throw error;
    }
  });
}

/** Names in a folder of the store; none when it is not there. */
export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    // Someone else's file where a folder should be holds nothing of ours.
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
