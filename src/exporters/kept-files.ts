import { constants, readdirSync } from 'node:fs';
import { copyFile, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import { sha256Hex } from '../util/hash.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';
import { isStaleTemporary, temporaryName } from '../util/temporary-name.ts';
import type { ExportContext } from './exporter.ts';
import { sha256OfFile } from './file-digest.ts';

/** What is known of a kept file. */
export interface KeptNote {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly sha256: string;
}

/**
 * Files of earlier exports that are dear to make. In a folder of the cache lie, by a digest of all that decides their bytes,
 *
 *     <digest>         the file
 *     <digest>.json    what is known of it, written last; a file that does not match it is made anew
 */
export class KeptFiles<Note extends KeptNote> {
  readonly #context: ExportContext;
  readonly #folder: string;
  readonly #format: SealFormat<Note>;

  private constructor(context: ExportContext, folder: string, format: SealFormat<Note>) {
    this.#context = context;
    this.#folder = folder;
    this.#format = format;
  }

  /** @param id name of the folder */
  static async open<Note extends KeptNote>(
    context: ExportContext,
    id: string,
    format: SealFormat<Note>,
  ): Promise<KeptFiles<Note>> {
    const folder = await context.cacheFolder(id);
    const paths = readdirSync(folder).map((file) => join(folder, file));
    paths.filter((path) => isStaleTemporary(path)).forEach(removeQuietly);
    return new KeptFiles(context, folder, format);
  }

  /** Where the file of these inputs is kept. */
  place(inputs: unknown): string {
    return join(this.#folder, sha256Hex(canonicalJson(inputs)));
  }

  /**
   * Copies the kept file of a place.
   * @param pathOf where to; there is nothing in the end when there is no such file
   */
  async copyOut(place: string, pathOf: (note: Note) => string): Promise<Note | undefined> {
    const note = await this.#note(place);
    if (note === undefined) return undefined;
    const path = pathOf(note);
    try {
      await copyFile(place, path, constants.COPYFILE_FICLONE);
      if ((await sha256OfFile(path, this.#context.signal)) === note.sha256) {
        const now = Date.now() / 1000;
        await utimes(place, now, now).catch(() => undefined);
        return note;
      }
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
    await rm(path, { force: true });
    return undefined;
  }

  /** Keeps a copy. Where it cannot be kept, e.g. on a full disk, the next export makes it again. */
  async keep(place: string, path: string, note: Note): Promise<void> {
    const temporary = temporaryName(place);
    try {
      await copyFile(path, temporary, constants.COPYFILE_FICLONE);
      await rename(temporary, place);
      writeFileAtomic(`${place}.json`, sealJson(this.#format, note));
    } catch {
      await rm(temporary, { force: true });
    }
  }

  async #note(place: string): Promise<Note | undefined> {
    try {
      return openSealedJson(this.#format, await readFile(`${place}.json`, 'utf8'));
    } catch {
      return undefined;
    }
  }
}
