import { globSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { HostInput } from '../../model/host-input.ts';
import type { QemuOptions } from './options.ts';

/** Host files whose content reaches the machine; part of keys. */
export function mediaInputs(options: QemuOptions, resolvePath: (path: string) => string): HostInput[] {
  const inputs: HostInput[] = [];
  const add = (option: string, paths: readonly string[]): void => {
    for (const path of paths.flatMap((pattern) => expand(pattern, resolvePath)))
      inputs.push({ path, type: 'any', option, modes: false });
  };
  add('cd_files', options.cd_files);
  add('floppy_files', options.floppy_files);
  add('floppy_dirs', options.floppy_dirs);
  if (options.http_directory !== undefined) add('http_directory', [options.http_directory]);
  return inputs;
}

/** Host paths that a path or glob of the template stands for. */
export function expand(pattern: string, resolvePath: (path: string) => string): string[] {
  const path = resolvePath(pattern);
  if (!/[*?[]/.test(pattern)) return [path];
  const folder = isAbsolute(pattern) ? '/' : resolvePath('.');
  return globSync(isAbsolute(pattern) ? pattern.slice(1) : pattern, { cwd: folder })
    .toSorted()
    .map((found) => join(folder, found));
}
