import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Failure } from '../../../diagnostics/failure.ts';
import { formatHcl } from '../../../template/packer-hcl/format/format.ts';
import { decodeSource } from '../../../template/packer-hcl/syntax/source-text.ts';
import { type CommandWork, type PackerCommand, printProblems } from '../command.ts';
import { describeSystem } from '../../../template/packer-kinds/system-error.ts';
import { readStdin } from '../read-stdin.ts';
import { TEMPLATE_FLAGS } from '../template-flags.ts';
import { unifiedDiff } from '../unified-diff.ts';

export const fmtCommand: PackerCommand = {
  help: `Usage: packer fmt [options] [TEMPLATE]

  Brings templates (.pkr.hcl) and files of values (.pkrvars.hcl) into the
  canonical layout, and shows the names of those that changed. A folder stands
  for the files in it; "-" stands for standard input.

Options:
  -check         Change nothing; the exit code is 3 when a file is not in the
                 canonical layout.
  -diff          Show what changes.
  -write=false   Change nothing (always so with -check).
  -recursive     Also go into the folders below.`,
  examples: [
    ['packer fmt .', 'the files of a folder'],
    ['packer fmt -check -diff -recursive .', 'show what would change; for CI'],
    ['packer fmt -', 'from standard input to standard output'],
  ],
  flags: { ...TEMPLATE_FLAGS, check: 'switch', diff: 'switch', write: 'switch', recursive: 'switch' },
  run: async (work) => {
    if (work.flags.args.length === 0) return 'usage';
    const formatter = new Formatter(work);
    for (const target of work.flags.args) await formatter.target(target);
    if (formatter.failures.length > 0) return printProblems(work, { failures: formatter.failures });
    return work.flags.switches.get('check') === true && formatter.changed ? 3 : 0;
  },
};

class Formatter {
  readonly failures: Failure[] = [];
  changed = false;
  readonly #work: CommandWork;
  readonly #write: boolean;

  constructor(work: CommandWork) {
    this.#work = work;
    const { switches } = work.flags;
    this.#write = switches.get('check') !== true && switches.get('write') !== false;
  }

  async target(target: string): Promise<void> {
    if (target === '-') this.#standardInput(await readStdin(this.#work.context));
    else if (isFolder(this.#resolve(target))) this.#folder(target);
    else if (isHcl(target)) this.#file(target);
    else this.#fail(target, `file ${target} is not a HCL file`);
  }

  #resolve(file: string): string {
    return path.resolve(this.#work.context.cwd, file);
  }

  #folder(folder: string): void {
    const recursive = this.#work.flags.switches.get('recursive') === true;
    const entries = readdirSync(this.#resolve(folder), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isIgnored(entry.name)) continue;
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (recursive) this.#folder(file);
      } else if (isHcl(file)) this.#file(file);
    }
  }

  #file(file: string): void {
    const { context, flags } = this.#work;
    let bytes: Buffer;
    try {
      bytes = readFileSync(this.#resolve(file));
    } catch (cause) {
      this.#fail(file, `failed to open ${file}: ${describeSystem('open', file, cause)}`);
      return;
    }
    const formatted = this.#format(file, bytes);
    if (formatted === undefined || formatted === bytes.toString('utf8')) return;
    this.changed = true;
    context.stdout.write(`${file}\n`);
    if (this.#write) writeFileSync(this.#resolve(file), formatted);
    if (flags.switches.get('diff') === true) {
      context.stdout.write(unifiedDiff(bytes.toString('utf8'), formatted, `old/${file}`, `new/${file}`));
    }
  }

  #standardInput(bytes: Buffer): void {
    const formatted = this.#format('-', bytes);
    if (formatted === undefined) return;
    const same = formatted === bytes.toString('utf8');
    if (!same) this.changed = true;
    if (same || this.#write) this.#work.context.stdout.write(formatted);
  }

  #format(file: string, bytes: Buffer): string | undefined {
    const source = decodeSource(file, bytes);
    const result = source.ok ? formatHcl(file, source.value.text) : source;
    if (result.ok) return result.value;
    const [first] = result.failures;
    this.failures.push(
      ...result.failures.map((failure) => ({
        ...failure,
        ...(failure === first && {
          message: `encountered an error while formatting ${file}\n${failure.message}`,
        }),
      })),
    );
    return undefined;
  }

  #fail(file: string, why: string): void {
    this.failures.push({
      reason: 'usage',
      message: `encountered an error while formatting ${file}\n${why}`,
    });
  }
}

const isFolder = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
const isHcl = (file: string): boolean => file.endsWith('.pkr.hcl') || file.endsWith('.pkrvars.hcl');

/** Hidden files and what editors leave behind. */
const isIgnored = (name: string): boolean =>
  name.startsWith('.') || name.endsWith('~') || (name.startsWith('#') && name.endsWith('#'));
