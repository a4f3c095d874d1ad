import path from 'node:path';
import type { Failure } from '../../diagnostics/failure.ts';
import type { Verification } from '../../report/verify.ts';
import { painter, type Paint } from '../../ui/paint.ts';
import { shortPath } from '../../ui/summary.ts';
import { defineCommand } from '../define-command.ts';
import { usesColor, workingDirectory, type CommonOptions } from '../options/common-options.ts';

interface VerifyOptions extends CommonOptions {
  readonly key: readonly string[];
  readonly json?: boolean;
}

const MARKS = { right: 'ok', wrong: 'WRONG', unchecked: 'not checked' } as const;

export const verifyCommand = defineCommand<VerifyOptions>({
  name: 'verify',
  summary: 'Check images against their checksums, provenance and signatures',
  description: `Compares each file with everything in its folder that speaks of it: manifest.json, SHA256SUMS and other checksums, SLSA
provenance, bills of materials, and signatures of the file and of its checksums; and those files with what the others of them say,
so that a changed bill of materials is found too. Signatures need the public key by --key; OpenPGP
ones also find it in the key ring. With --key at least one signature must have been made by one of the keys.

Of an output folder every file is checked that its manifest.json names; one that is missing is a failure.

Exit code 0: all match. 1: something does not, or nothing speaks of a file.`,
  examples: [
    { line: 'imgpipe verify output/web/web.qcow2', about: 'all that lies beside it' },
    { line: 'imgpipe verify output/web', about: 'every file of the output folder' },
    { line: 'imgpipe verify --key release.pub web.qcow2', about: 'and it is signed by that key' },
  ],
  declare: (command) =>
    command
      .argument('<files...>', 'images to check, or output folders')
      .option(
        '--key <file>',
        'public key: PEM (cosign), minisign or OpenPGP; may be repeated',
        (value: string, before: readonly string[]) => [...before, value],
        [],
      )
      .option('--json', 'the verdicts as JSON'),
  async run(context, [files], options) {
    const { artifactsAt, verifyArtifact } = await import('../../report/verify.ts');
    const cwd = workingDirectory(context, options);
    const keyFiles = options.key.map((file) => path.resolve(cwd, file));
    const failures: Failure[] = [];
    const done: Verification[] = [];
    for (const file of (files as string[]).flatMap((name) => artifactsAt(path.resolve(cwd, name)))) {
      const result = await verifyArtifact(file, { keyFiles, signal: context.signal });
      if (!result.ok) failures.push(...result.failures);
      else {
        done.push(result.value.verification);
        failures.push(...result.value.failures);
      }
    }
    if (options.json === true) context.stdout.write(`${JSON.stringify(done, undefined, 2)}\n`);
    else {
      const paint = painter(usesColor(context.stdout, options.color, context.env));
      for (const verification of done) context.stdout.write(describe(verification, cwd, paint));
    }
    return failures.length > 0 ? { ok: false, failures } : 0;
  },
});

function describe({ file, sha256, verdicts }: Verification, cwd: string, paint: Paint): string {
  const lines = verdicts.map(({ by, verdict, what }) => {
    const color = verdict === 'right' ? 'good' : verdict === 'wrong' ? 'bad' : 'warn';
    return `  ${paint(color, MARKS[verdict].padEnd(11))}  ${by}: ${what}`;
  });
  return [paint('bold', shortPath(file, cwd)), `  sha256:${sha256}`, ...lines, ''].join('\n');
}
