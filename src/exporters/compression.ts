/** Compressions of whole files. */
export type Compression = 'none' | 'zstd' | 'gz' | 'xz';

interface CompressionFacts {
  /** Lowest and highest level. */
  readonly levels: readonly [number, number];
  readonly defaultLevel: number;
  /** Ending added to the file's name. */
  readonly ending: string;
}

export const COMPRESSIONS: Readonly<Record<Compression, CompressionFacts>> = {
  none: { levels: [0, 0], defaultLevel: 0, ending: '' },
  zstd: { levels: [1, 19], defaultLevel: 3, ending: '.zst' },
  gz: { levels: [1, 9], defaultLevel: 6, ending: '.gz' },
  xz: { levels: [0, 9], defaultLevel: 6, ending: '.xz' },
};

/** What is wrong with a level, or undefined. */
export function levelMistake(compression: Compression, level: number | undefined): string | undefined {
  const [lowest, highest] = COMPRESSIONS[compression].levels;
  if (level === undefined || (level >= lowest && level <= highest)) return undefined;
  return compression === 'none'
    ? 'needs a compression'
    : `must be ${lowest} to ${highest} with ${compression}`;
}

/** Those that `writeCompressed` does, block by block; the others are done by programs of the host. */
export type BlockwiseCompression = 'gz' | 'zstd';

export const isBlockwise = (compression: Compression): compression is BlockwiseCompression =>
  compression === 'gz' || compression === 'zstd';

/**
 * The command that compresses standard input to standard output. The way of working is fixed where it shows in the
 * output: xz writes other bytes with worker threads than without, but the same for any number of threads.
 */
export function compressCommand(
  compression: Exclude<Compression, BlockwiseCompression>,
  level: number | undefined,
): string {
  if (compression === 'none') return 'cat';
  return `xz -q -T2 -${level ?? COMPRESSIONS.xz.defaultLevel} -c`;
}
