import { readFileSync } from 'node:fs';
import type { NodeId } from '../model/ids.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import {
  formatActionRecord,
  formatLatestRecord,
  parseActionRecord,
  parseLatestRecord,
  type ActionRecord,
  type LatestRecord,
} from './action-record.ts';
import { Quarantine } from './quarantine.ts';
import type { StoreLayout } from './store-layout.ts';

/** Key → what it gave, and node → its last record. Reads are synchronous: a warm plan is nothing but these. */
export class ActionStore {
  readonly #layout: StoreLayout;
  /** The project whose nodes `latest` is about: its root folder. */
  readonly #project: string;
  /** Keys that gave two results. */
  readonly quarantine: Quarantine;

  constructor(layout: StoreLayout, project: string) {
    this.#layout = layout;
    this.#project = project;
    this.quarantine = new Quarantine(layout);
  }

  get(key: string): ActionRecord | undefined {
    if (this.quarantine.has(key)) return undefined;
    const text = readOptional(this.#layout.actionFile(key));
    const record = text === undefined ? undefined : parseActionRecord(text);
    return record?.key === key ? record : undefined;
  }

  /** The last step of a commit: what it points to must be in the store already. */
  put(record: ActionRecord): void {
    if (this.quarantine.has(record.key)) return;
    writeFileAtomic(this.#layout.actionFile(record.key), formatActionRecord(record));
  }

  latest(node: NodeId): LatestRecord | undefined {
    const text = readOptional(this.#layout.nodeFile('latest', this.#project, node));
    return text === undefined ? undefined : parseLatestRecord(text);
  }

  putLatest(record: LatestRecord): void {
    const file = this.#layout.nodeFile('latest', this.#project, record.node);
    writeFileAtomic(file, formatLatestRecord(record));
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
