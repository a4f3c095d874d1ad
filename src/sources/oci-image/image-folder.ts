import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readFile, realpath } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';

/** A folder that holds an OCI layout or an unpacked `docker save`; every blob that is read is checked. */
export class ImageFolder {
  readonly #root: string;
  readonly #name: string;

  /** @param name for messages: the path as the user wrote it */
  constructor(root: string, name: string) {
    this.#root = root;
    this.#name = name;
  }

  has(path: string): Promise<boolean> {
    return access(join(this.#root, path)).then(
      () => true,
      () => false,
    );
  }

  /** A JSON document. @throws FailureError `source-failed` */
  async json<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.#parse(path, await this.#read(path), schema);
  }

  /** A JSON document by its digest. @throws FailureError `source-failed` when it is missing or altered */
  async blobJson<Schema extends z.ZodType>(digest: string, schema: Schema): Promise<z.output<Schema>> {
    const bytes = await this.#read(blobPath(digest));
    if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) throw this.#altered(digest);
    return this.#parse(blobPath(digest), bytes, schema);
  }

  /** Host path of a blob whose content was checked. @throws FailureError `source-failed` */
  async blobFile(digest: string): Promise<string> {
    const file = await this.file(blobPath(digest));
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
    } catch (cause) {
      throw this.#failed(`the blob ${digest} cannot be read`, cause);
    }
    if (`sha256:${hash.digest('hex')}` !== digest) throw this.#altered(digest);
    return file;
  }

  /** Host path of a file named in a document. @throws FailureError `source-failed` when the name leads elsewhere */
  async file(path: string): Promise<string> {
    const clean = normalize(path);
    if (clean.startsWith('/') || clean.split('/').includes('..'))
      throw this.#failed(`names the file ${path}`);
    // `docker save` writes links between layers; none of them may lead to a file of the host.
    const [root, file] = await Promise.all([realpath(this.#root), realpath(join(this.#root, clean))]).catch(
      (cause: unknown) => {
        throw this.#failed(`${path} cannot be read`, cause);
      },
    );
    if (!file.startsWith(`${root}/`))
      throw this.#failed(`the file ${path} is a link that leads out of the image`);
    return file;
  }

  async #read(path: string): Promise<Buffer> {
    try {
      return await readFile(await this.file(path));
    } catch (cause) {
      if (cause instanceof FailureError) throw cause;
      throw this.#failed(`${path} cannot be read`, cause);
    }
  }

  #parse<Schema extends z.ZodType>(path: string, bytes: Buffer, schema: Schema): z.output<Schema> {
    try {
      return schema.parse(JSON.parse(bytes.toString('utf8')));
    } catch (cause) {
      throw this.#failed(`${path} is not what the OCI image specification says`, cause);
    }
  }

  #altered(digest: string): FailureError {
    return this.#failed(`the blob ${digest} does not have that digest: it was altered or is damaged`);
  }

  #failed(what: string, cause?: unknown): FailureError {
    return new FailureError({ reason: 'source-failed', message: `${this.#name}: ${what}`, cause });
  }
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
