import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';
import { listFolder } from './journal.ts';
import type { StoreLayout } from './store-layout.ts';

/** A key that gave two results, so that neither may be taken for it. */
export interface QuarantinedKey {
  readonly key: string;
  readonly node: string;
  /** When it was found out, ISO 8601. */
  readonly since: string;
  /** Digests of the results. */
  readonly outputs: readonly [string, string];
}

const FORMAT: SealFormat<QuarantinedKey> = 'imgpipe-quarantine-1';

/** Keys that are never served again. Read once, when it is asked first. */
export class Quarantine {
  readonly #layout: StoreLayout;
  #names: Set<string> | undefined;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  has(key: string): boolean {
    // A damaged file still holds its key: its name is enough.
    this.#names ??= new Set(listFolder(this.#layout.folder('quarantine')));
    return this.#names.has(`${key}.json`);
  }

  get(key: string): QuarantinedKey | undefined {
    return this.has(key) ? readEntry(this.#file(key)) : undefined;
  }

  /** Durable before the record goes: a key must not come back after a power cut. */
  add(entry: QuarantinedKey): void {
    writeFileAtomic(this.#file(entry.key), sealJson(FORMAT, entry), { durable: true });
    this.#names?.add(`${entry.key}.json`);
    rmSync(this.#layout.actionFile(entry.key), { force: true });
  }

  #file(key: string): string {
    return join(this.#layout.folder('quarantine'), `${key}.json`);
  }
}

function readEntry(path: string): QuarantinedKey | undefined {
  return existsSync(path) ? openSealedJson(FORMAT, readFileSync(path, 'utf8')) : undefined;
}
