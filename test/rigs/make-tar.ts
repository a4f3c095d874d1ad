import { pack, type Header } from 'tar-stream';

/** An entry of a tar: a header with a content. */
export type TarEntry = Partial<Header> & { readonly name: string; readonly content?: string };

/** A tar with exactly these entries, unsafe names included, which GNU tar would not write. */
export async function makeTar(entries: readonly TarEntry[]): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of entries) {
    stream.entry(
      { mtime: new Date(1_000_000_000_000), mode: header.type === 'directory' ? 0o755 : 0o644, ...header },
      content ?? '',
    );
  }
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
