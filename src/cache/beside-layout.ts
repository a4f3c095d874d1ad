import { StoreLayout } from './store-layout.ts';

/** What a run beside the cache keeps to itself: all that says, or is made from, what a key gave. */
const OWN = new Set(['actions', 'latest', 'disks', 'artifacts', 'used', 'failed'] as const);

/**
 * A store with no records, disks and artifacts yet, that shares layers, downloads, locks and journals with another.
 * Layers are named by their content, so that making one again beside the cache cannot change the cache.
 */
export class BesideLayout extends StoreLayout {
  readonly #own: StoreLayout;

  /** @param root of the shared store @param own folder for what is not shared, on the same file system */
  constructor(root: string, own: string) {
    super(root);
    this.#own = new StoreLayout(own);
  }
  override folder(name: Parameters<StoreLayout['folder']>[0]): string {
    return (OWN as ReadonlySet<string>).has(name) ? this.#own.folder(name) : super.folder(name);
  }
  override actionFile(key: string): string {
    return this.#own.actionFile(key);
  }
  override nodeFile(folder: 'latest' | 'failed', project: string, id: string): string {
    return this.#own.nodeFile(folder, project, id);
  }
  override transientFolder(project: string, id: string): string {
    return this.#own.transientFolder(project, id);
  }
  override usedFile(project: string, selection: string): string {
    return this.#own.usedFile(project, selection);
  }
  override diskFile(key: string): string {
    return this.#own.diskFile(key);
  }
  override patchFile(key: string, base: string): string {
    return this.#own.patchFile(key, base);
  }
}
