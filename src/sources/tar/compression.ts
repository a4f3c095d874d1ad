import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { FailureError } from '../../diagnostics/failure.ts';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

/** First bytes of the formats (RFC 1952, the xz file format 2.1.1.1, RFC 8878). */
const MAGIC: Readonly<Record<Exclude<Compression, 'none'>, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** How a file is compressed, by its content; never by its name. */
export async function detectCompression(path: string): Promise<Compression> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const names = ['gzip', 'xz', 'zstd'] as const;
  return names.find((name) => MAGIC[name].every((byte, index) => buffer[index] === byte)) ?? 'none';
}

/** Option of GNU tar for it. */
export const tarOption = (compression: Compression): readonly string[] =>
  compression === 'none' ? [] : [`--${compression}`];

/** The file's content, decompressed. Errors of the stream say that the content is damaged. */
export function decompressed(path: string, compression: Compression): Readable {
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  switch (compression) {
    case 'none':
      return file;
    case 'gzip':
      return piped(file, createGunzip());
    case 'zstd':
      return piped(file, createZstdDecompress());
    case 'xz':
      return xzOutput(file);
  }
}

function piped(source: Readable, through: ReturnType<typeof createGunzip>): Readable {
  source.once('error', (error) => through.destroy(error));
  return source.pipe(through);
}

/** Node has no xz: the program of the same name does it. */
function xzOutput(file: Readable): Readable {
  const child = spawn('xz', ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => (message += chunk.toString()));
  child.stdin.on('error', () => undefined);
  file.pipe(child.stdin);
  child.once('error', (cause) => {
    const hint = 'Install the package xz-utils.';
    child.stdout.destroy(
      new FailureError({ reason: 'tool-missing', message: 'xz is not installed', hint, cause }),
    );
  });
  child.once('close', (code) => {
    if (code !== 0) child.stdout.destroy(new Error(message.trim() || `xz ended with exit code ${code}`));
  });
  return child.stdout;
}
