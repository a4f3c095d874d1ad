import { globSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { HostInput } from '../../model/host-input.ts';
import { argumentInputs } from './argument-inputs.ts';
import type { QemuOptions } from './options.ts';

/** Host files whose content reaches the machine; part of keys. */
export function mediaInputs(options: QemuOptions, resolvePath: (path: string) => string): HostInput[] {
  const inputs: HostInput[] = [];
  const seen = { modes: false, links: 'followed' } as const;
  for (const list of ['cd_files', 'floppy_files', 'floppy_dirs'] as const) {
    for (const [index, pattern] of options[list].entries()) {
      const option = `${list}[${index}]`;
      if (isGlob(pattern)) inputs.push({ ...globAt(pattern, resolvePath), type: 'glob', option, ...seen });
      else inputs.push({ path: resolvePath(pattern), type: 'any', option, ...seen });
    }
  }
  if (options.http_directory !== undefined)
    inputs.push({
      path: resolvePath(options.http_directory),
      type: 'any',
      option: 'http_directory',
      ...seen,
    });
  for (const option of ['firmware', 'efi_firmware_code', 'efi_firmware_vars'] as const) {
    const path = options[option];
    if (path === undefined || path === 'bios' || path === 'uefi') continue;
    inputs.push({ path: resolvePath(path), type: 'file', option, modes: false });
  }
  return [...inputs, ...argumentInputs(options.qemuargs)];
}

/** Host paths that a path or glob of the template stands for. */
export function expand(pattern: string, resolvePath: (path: string) => string): string[] {
  if (!isGlob(pattern)) return [resolvePath(pattern)];
  const { path: folder, pattern: relative } = globAt(pattern, resolvePath);
  return globSync(relative, { cwd: folder })
    .toSorted()
    .map((found) => join(folder, found));
}

const isGlob = (pattern: string): boolean => /[*?[]/.test(pattern);

/** A glob in two parts: the folder that it starts in, which may have such characters in its own name, and the rest. */
function globAt(
  pattern: string,
  resolvePath: (path: string) => string,
): { readonly path: string; readonly pattern: string } {
  return isAbsolute(pattern) ? { path: '/', pattern: pattern.slice(1) } : { path: resolvePath('.'), pattern };
}
