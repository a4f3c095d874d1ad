import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { listHostTree } from '../../util/host-tree.ts';
import { hostProgram } from './host-program.ts';
import { makeIso, type IsoFile } from './iso9660.ts';
import { expand } from './media-inputs.ts';
import type { QemuOptions } from './options.ts';

/** Values that texts for the machine may name: `{{ .HTTPIP }}`. */
export type BootValues = Readonly<Record<string, string | number | undefined>>;

/** Fills in `{{ .Name }}`; names without a value stay as they are. */
export function fillIn(text: string, values: BootValues): string {
  return text.replaceAll(/\{\{-?\s*\.(\w+)\s*-?\}\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}

/** The medium of `cd_files` and `cd_content`, or undefined when there is nothing for it. */
export function makeCd(
  options: QemuOptions,
  resolvePath: (path: string) => string,
  values: BootValues,
): Buffer | undefined {
  const files = [...options.cd_files.flatMap((path) => filesOf(path, resolvePath, 'cd_files'))];
  for (const [path, text] of Object.entries(options.cd_content))
    files.push({ path: path.replace(/^\/+/, ''), content: Buffer.from(fillIn(text, values)) });
  return files.length === 0 ? undefined : makeIso(options.cd_label, files, 0);
}

/** Writes the floppy disk of `floppy_files`, `floppy_dirs` and `floppy_content`. @returns whether there is one */
export async function writeFloppy(
  target: string,
  options: QemuOptions,
  context: { readonly resolvePath: (path: string) => string; readonly signal: AbortSignal },
): Promise<boolean> {
  const { resolvePath, signal } = context;
  const files = [
    // Files land in the root of the disk, folders keep their tree.
    ...options.floppy_files
      .flatMap((path) => filesOf(path, resolvePath, 'floppy_files'))
      .map((file) => ({ ...file, path: basename(file.path) })),
    ...options.floppy_dirs.flatMap((path) => filesOf(path, resolvePath, 'floppy_dirs')),
    ...Object.entries(options.floppy_content).map(([path, text]) => ({ path, content: Buffer.from(text) })),
  ];
  if (files.length === 0) return false;
  const run = (argv: readonly [string, ...string[]]): Promise<string> =>
    hostProgram(argv, { signal, reason: 'source-failed' });
  await run(['mformat', '-C', '-f', '1440', '-v', options.floppy_label, '-i', target, '::']);
  const folders = new Set<string>();
  for (const [index, file] of files.entries()) {
    for (const folder of foldersAbove(file.path)) {
      if (folders.has(folder)) continue;
      folders.add(folder);
      await run(['mmd', '-i', target, `::/${folder}`]);
    }
    const source = `${target}.${index}`;
    await writeFile(source, file.content);
    await run(['mcopy', '-o', '-i', target, source, `::/${file.path}`]);
  }
  return true;
}

/** Files that a path, folder or glob stands for: a folder's are below its name, those of `folder/` are not. */
function filesOf(pattern: string, resolvePath: (path: string) => string, option: string): IsoFile[] {
  const found = expand(pattern, resolvePath);
  if (found.length === 0) throw missing(option, pattern);
  return found.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw missing(option, pattern);
    if (!stat.isDirectory()) return [{ path: basename(path), content: readFileSync(path) }];
    const base = pattern.endsWith('/') ? path : dirname(path);
    // As the key sees the folder: links are what they lead to.
    return listHostTree({ path, links: 'followed' })
      .filter(({ stat: entry, target }) => (target ?? entry).isFile())
      .map((entry) => join(path, entry.path))
      .map((file) => ({ path: relative(base, file), content: readFileSync(file) }));
  });
}

function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function missing(option: string, path: string): FailureError {
  return new FailureError({ reason: 'input-missing', message: `${option}: ${path} does not exist` });
}
