import type { ExporterKind } from '../../src/exporters/exporter.ts';
import { row } from '../../src/schema/markdown.ts';
import { LAYOUTS } from './layouts.ts';

const ABOUT = `An export turns a finished image into one file. All exports of a pipeline come from the same layers, and those of the disk
from the same disk, so they hold the same files; they are made side by side, and each is made again only when what it
reads has changed.

*Reads* says what an export is made from. \`disk\` is the partitioned disk with kernel and boot loader; \`layers\` are the
files alone, for which no disk is built and no kernel is needed.

*Reproducible* means that the same layers and options give the same bytes with the same versions of the programs that are
called. Identifiers that formats want, and that other tools take from chance, are derived from the key of the disk; times
are those of \`sourceDateEpoch\`.

*Read back by* names the programs, none of them ours, that take each format apart in imgpipe's tests and find the same
bytes or the same tree; one of the tests does that with the sample, \`debian-web\`, in all formats from one build. *Booted by* says
what starts it in the tests.`;

const AFTER_A_CHANGE = `## After a change

An export is made again when its disk or layers changed. How much of that is work depends on the format:

- \`gce\`, \`vagrant\`, \`wsl\`, \`ova\`, \`vmdk\` as a stream, \`qcow2\` with zlib, \`raw\` and \`rootfs-tar\` with gz or zstd:
  blocks that an earlier export has compressed are taken from the cache, those of one format for another where the bytes
  are the same. The rest is reading and writing.
- \`oci\`: compressed layers that did not change are copied.
- \`squashfs\`, \`erofs\`, \`iso\`: copied when the layers are the same, else made in full, as their programs write them whole.
- All others are written in full: uncompressed ones as fast as the disk, \`qcow2\` with zstd and all with
  xz by all processors.

None of this shows in the bytes: a file that was put together from kept blocks is the one that is made without them. What is
kept lies in the cache (\`mounts/\`) and makes room as anything else there.

gzip is written by all processors, as one member that every reader takes. Its blocks are compressed each by itself, which makes
the file a little larger than that of \`gzip\` with the same level.

zstd, too, is written by all processors: frames that follow each other, as \`pzstd\` writes them, a little larger than one
frame would be. \`zstd\`, tar and container engines take them; a reader of your own must not stop after the first frame.`;

/** Lines of docs/exporters.md. */
export function formatsPage(kinds: readonly ExporterKind[]): string[] {
  const sorted = kinds.toSorted((a, b) => (a.type < b.type ? -1 : 1));
  return [
    ...ABOUT.split('\n'),
    '',
    '| type | file | reads | reproducible | read back by | booted by |',
    '| --- | --- | --- | --- | --- | --- |',
    ...sorted.map((kind) =>
      row([
        `[\`${kind.type}\`](reference/exports.md#${kind.type})`,
        extensionsOf(kind)
          .map((extension) => `\`.${extension}\``)
          .join(', '),
        kind.input,
        kind.reproducible ? 'yes' : 'no',
        kind.readBackBy?.join(', ') ?? '',
        kind.bootedBy ?? '',
      ]),
    ),
    '',
    ...sorted.map((kind) => `- \`${kind.type}\`: ${kind.summary}`),
    '',
    ...AFTER_A_CHANGE.split('\n'),
    '',
    ...LAYOUTS.split('\n'),
  ];
}

/** Endings of the files that the kind's own examples give. */
function extensionsOf(kind: ExporterKind): string[] {
  const options = kind.examples.good.map((example) => kind.schema.parse(example.options));
  return [...new Set(options.map((parsed) => kind.extension(parsed)))].toSorted();
}
