/** Compressions of whole files by the host's programs. */
export type Compression = 'none' | 'zstd' | 'gz' | 'xz';

interface CompressionFacts {
  /** Lowest and highest level. */
  readonly levels: readonly [number, number];
  readonly defaultLevel: number;
  /** Ending added to the file's name. */
  readonly ending: string;
  readonly tool?: string;
}

export const COMPRESSIONS: Readonly<Record<Compression, CompressionFacts>> = {
  none: { levels: [0, 0], defaultLevel: 0, ending: '' },
  zstd: { levels: [1, 19], defaultLevel: 3, ending: '.zst', tool: 'zstd' },
  gz: { levels: [1, 9], defaultLevel: 6, ending: '.gz', tool: 'gzip' },
  xz: { levels: [0, 9], defaultLevel: 6, ending: '.xz', tool: 'xz' },
};

/** What is wrong with a level, or undefined. */
export function levelMistake(compression: Compression, level: number | undefined): string | undefined {
  const [lowest, highest] = COMPRESSIONS[compression].levels;
  if (level === undefined || (level >= lowest && level <= highest)) return undefined;
  return compression === 'none'
    ? 'needs a compression'
    : `must be ${lowest} to ${highest} with ${compression}`;
}

/**
 * The command that compresses standard input to standard output. The way of working is fixed where it shows in the
 * output: zstd and xz write other bytes with worker threads than without, but the same for any number of threads.
 */
export function compressCommand(compression: Compression, level: number | undefined): string {
  const effort = level ?? COMPRESSIONS[compression].defaultLevel;
  switch (compression) {
    case 'none':
      return 'cat';
    case 'zstd':
      return `zstd -q -T0 -${effort} -c`;
    case 'xz':
      return `xz -q -T2 -${effort} -c`;
    case 'gz':
      return `gzip -n -${effort} -c`;
  }
}
