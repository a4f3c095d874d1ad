import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';
import { ZLIB } from './node-compressors.ts';
import { writeTreeTar } from './tree-tar.ts';

const schema = z.strictObject({
  level: z.int().min(1).max(9).default(6).describe('Effort of the compression, 1 to 9.'),
});

export const wslExporter = defineExporter({
  type: 'wsl',
  summary: 'A distribution for the Windows Subsystem for Linux.',
  description: `A tar.gz of all files that \`wsl --install --from-file\` (WSL 2.4.4) and \`wsl --import\` take. It needs no kernel. How it
greets its user is for \`/etc/wsl.conf\` and \`/etc/wsl-distribution.conf\`, which \`file\` steps can write.`,
  schema,
  keyVersion: 2,
  tools: ['tar'],
  examples: {
    good: [{ title: 'To install by a double click', options: {} }],
    bad: [{ title: 'No such level', options: { level: 0 }, error: 'level' }],
  },
  input: 'layers',
  reads: () => ZLIB,
  extension: () => 'wsl',
  readBackBy: ['bsdtar'],
  reproducible: true,
  run: ({ level }, context) => capture(() => writeTreeTar(context, 'gz', level)),
});
