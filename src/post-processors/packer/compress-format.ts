/** How a file is packed and compressed. */
export interface CompressFormat {
  readonly archive: 'tar' | 'zip' | undefined;
  readonly algorithm: 'gz' | 'lz4' | 'bgzf' | 'xz' | 'bzip2' | undefined;
}

const ALGORITHMS = ['gz', 'lz4', 'bgzf', 'xz', 'bzip2'] as const;

/** The format that the last endings of a name mean; a tar compressed by gzip where they mean none. */
export function formatOf(output: string, format: string | undefined): CompressFormat {
  const name = format === undefined || format === '' ? output : `${output}.${format}`;
  const endings = [...name.matchAll(/\.([a-z0-9]+)/g)].map(([, ending]) => ending ?? '');
  const last = endings.at(-1);
  const archive = endings.at(-2) === 'tar' ? 'tar' : undefined;
  if (last === 'zip' || last === 'tar') return { archive: last, algorithm: undefined };
  const algorithm = ALGORITHMS.find((one) => one === last);
  return algorithm === undefined ? { archive: 'tar', algorithm: 'gz' } : { archive, algorithm };
}

/** The command that compresses standard input to standard output. @param level 1 to 9; undefined: the format's own */
export function compressorOf(algorithm: 'gz' | 'lz4' | 'xz' | 'bzip2', level: number | undefined): string {
  const effort = level === undefined ? '' : ` -${level}`;
  switch (algorithm) {
    case 'gz':
      return `gzip -n -c${effort}`;
    case 'lz4':
      return `lz4 -q -c${effort}`;
    case 'xz':
      return 'xz -q -c';
    case 'bzip2':
      return `bzip2 -c${effort}`;
  }
}
