import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PackedBlocks } from '../../../src/exporters/packed/packed-blocks.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const block = (text: string): Buffer => Buffer.alloc(70_000, text);

/** Stands for a compressor: tells what it was given. */
const made: string[] = [];
const compress = async (bytes: Buffer): Promise<Buffer> => {
  made.push(bytes.toString('latin1', 0, 4));
  await new Promise((resolve) => setTimeout(resolve, 1));
  return createHash('sha256').update(bytes).digest();
};

/** What was compressed when these blocks were wanted. */
async function pack(folder: string, ...texts: string[]): Promise<string[]> {
  made.length = 0;
  await PackedBlocks.use(folder, async (blocks) => {
    const packed = await Promise.all(texts.map((text) => blocks.pack(block(text), compress)));
    expect(packed).toEqual(texts.map((text) => createHash('sha256').update(block(text)).digest()));
  });
  return [...made];
}

const packs = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name));

describe('compressed blocks that are kept', () => {
  it('are made once, whichever export wants them first', async () => {
    const folder = temporaryFolder();
    expect(await pack(folder, 'aaaa', 'bbbb', 'aaaa')).toEqual(['aaaa', 'bbbb']);
    expect(await pack(folder, 'bbbb', 'cccc', 'aaaa')).toEqual(['cccc']);
    expect(await pack(folder, 'cccc', 'bbbb', 'aaaa')).toEqual([]);
    expect(packs(folder)).toHaveLength(2);
    expect(await pack(temporaryFolder(), 'aaaa')).toEqual(['aaaa']);
  });

  it('are shared by exports that run side by side', async () => {
    const folder = temporaryFolder();
    made.length = 0;
    const one = PackedBlocks.use(folder, async (blocks) => {
      await blocks.pack(block('aaaa'), compress);
      await other;
      await blocks.pack(block('bbbb'), compress);
    });
    const other = PackedBlocks.use(folder, async (blocks) => {
      await Promise.all([blocks.pack(block('aaaa'), compress), blocks.pack(block('bbbb'), compress)]);
    });
    await Promise.all([one, other]);
    expect(made.toSorted()).toEqual(['aaaa', 'bbbb']);
    expect(packs(folder)).toHaveLength(1);
  });

  it('are those of an export that failed, too', async () => {
    const folder = temporaryFolder();
    const failed = PackedBlocks.use(folder, async (blocks) => {
      await blocks.pack(block('aaaa'), compress);
      throw new Error('no space left');
    });
    await expect(failed).rejects.toThrow('no space left');
    expect(await pack(folder, 'aaaa')).toEqual([]);
  });

  it.each<[string, (path: string) => void]>([
    ['a block is', (path) => writeFileSync(path, readFileSync(path).fill(0, 3, 4))],
    [
      'the index is',
      (path) =>
        writeFileSync(path, readFileSync(path).fill(0, statSync(path).size - 60, statSync(path).size - 50)),
    ],
    ['the end is cut off', (path) => truncateSync(path, statSync(path).size - 7)],
    ['nothing is left of it', (path) => truncateSync(path, 0)],
  ])('are made anew where a pack is damaged: %s', async (_, damage) => {
    const folder = temporaryFolder();
    await pack(folder, 'aaaa');
    packs(folder).forEach(damage);
    expect(await pack(folder, 'aaaa')).toEqual(['aaaa']);
    expect(await pack(folder, 'aaaa')).toEqual([]);
  });

  it('are put together when there are many packs, without those that nobody wants any more', async () => {
    const folder = temporaryFolder();
    await pack(folder, 'old ', 'kept');
    for (let edit = 10; edit < 26; edit += 1) await pack(folder, 'kept', `e ${edit}`);
    expect(packs(folder)).toHaveLength(17);
    expect(await pack(folder, 'kept', 'e 25')).toEqual([]);
    expect(packs(folder)).toHaveLength(1);
    expect(await pack(folder, 'kept', 'e 25')).toEqual([]);
    expect(await pack(folder, 'old ')).toEqual(['old ']);
  });

  it.skipIf(process.geteuid?.() === 0)('are not kept where nothing can be written', async () => {
    const folder = join(temporaryFolder(), 'packs');
    mkdirSync(folder, { mode: 0o500 });
    onTestFinished(() => chmodSync(folder, 0o700));
    expect(await pack(folder, 'aaaa')).toEqual(['aaaa']);
    expect(packs(folder)).toEqual([]);
  });
});
