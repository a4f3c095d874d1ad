import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { dataOf, IMAGE_BLOCK, ImageReader } from './disk-image.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { stopped } from './file-digest.ts';
import { bmapText, type BmapRange } from './formats/bmap.ts';
import { reading } from './reading.ts';

const CHUNK = 2 * 2 ** 20;

export const bmapExporter = defineExporter({
  type: 'bmap',
  summary: 'A map of the blocks of the raw disk that hold data, for bmaptool.',
  description: `With it \`bmaptool copy\` writes a \`raw\` export of the same pipeline, compressed or not, to a card or stick in a
fraction of the time, and checks every block. It finds the map by itself, as \`<pipeline>.bmap\` beside \`<pipeline>.raw\`.`,
  schema: z.strictObject({}),
  keyVersion: 1,
  examples: {
    good: [{ title: 'Beside a raw disk', options: {} }],
    bad: [{ title: 'Another checksum', options: { checksum: 'md5' }, error: 'checksum' }],
  },
  input: 'disk',
  extension: () => 'bmap',
  readBackBy: ['bmaptool', 'xmllint'],
  reproducible: true,
  readsImage: () => true,
  run: (_, context) =>
    capture(async () => {
      const { image } = diskOf(context);
      await writeFile(context.outputPath, bmapText(image.size, await hashRanges(context)));
    }),
});

/** The blocks with data and their checksums. */
async function hashRanges(context: ExportContext): Promise<BmapRange[]> {
  const { image } = diskOf(context);
  const data = dataOf(image);
  const total = data.reduce((sum, { start, end }) => sum + end - start, 0);
  const ranges: BmapRange[] = [];
  const buffer = Buffer.allocUnsafe(CHUNK);
  let done = 0;
  await using reader = await reading(() => ImageReader.open(image));
  for (const { start, end } of data) {
    const hash = createHash('sha256');
    const stop = Math.min(end, image.size);
    for (let at = start; at < stop; at += CHUNK) {
      if (context.signal.aborted) throw stopped();
      const bytes = buffer.subarray(0, Math.min(CHUNK, stop - at));
      await reading(() => reader.read(bytes, at));
      hash.update(bytes);
      done += bytes.length;
      context.progress(done, total, 'bytes');
    }
    const last = Math.ceil(stop / IMAGE_BLOCK) - 1;
    ranges.push({ first: start / IMAGE_BLOCK, last, sha256: hash.digest('hex') });
  }
  return ranges;
}
