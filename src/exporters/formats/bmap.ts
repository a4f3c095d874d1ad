import { createHash } from 'node:crypto';
import { IMAGE_BLOCK } from '../disk-image.ts';

/** Blocks of 4096 bytes from `first` to `last`, both counted in, with the checksum of their bytes. */
export interface BmapRange {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

/**
 * A block map, version 2.0 (bmap-tools, bmaptools/BmapCreate.py). Its own checksum is that of the text with zeros in the
 * place of the checksum.
 * @param size bytes of the disk
 */
export function bmapText(size: number, ranges: readonly BmapRange[]): string {
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const place = '0'.repeat(64);
  const text = [
    '<?xml version="1.0" ?>',
    '<bmap version="2.0">',
    `  <ImageSize> ${size} </ImageSize>`,
    `  <BlockSize> ${IMAGE_BLOCK} </BlockSize>`,
    `  <BlocksCount> ${Math.ceil(size / IMAGE_BLOCK)} </BlocksCount>`,
    `  <MappedBlocksCount> ${mapped} </MappedBlocksCount>`,
    '  <ChecksumType> sha256 </ChecksumType>',
    `  <BmapFileChecksum> ${place} </BmapFileChecksum>`,
    '  <BlockMap>',
    ...ranges.map(({ first, last, sha256 }) => {
      const blocks = first === last ? String(first) : `${first}-${last}`;
      return `    <Range chksum="${sha256}"> ${blocks} </Range>`;
    }),
    '  </BlockMap>',
    '</bmap>',
    '',
  ].join('\n');
  const checksum = createHash('sha256').update(text).digest('hex');
  return text.replace(` ${place} `, ` ${checksum} `);
}
