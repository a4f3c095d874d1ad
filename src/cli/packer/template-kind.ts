import { statSync } from 'node:fs';
import path from 'node:path';
import type { CliContext } from '../context.ts';
import type { TemplateFlags } from './template-flags.ts';

/** Which form a template has: by the ending of its name, a folder is HCL2, other files are legacy JSON. */
export function templateKind(
  flags: TemplateFlags,
  context: CliContext,
): { readonly kind: 'json' | 'hcl2' } | { readonly problem: string } {
  const { path: file } = flags;
  if (file === undefined || file === '-') return { kind: flags.configType };
  if (file.endsWith('.pkr.hcl') || file.endsWith('.pkr.json')) return { kind: 'hcl2' };
  const status = statSync(path.resolve(context.cwd, file), { throwIfNoEntry: false });
  if (status === undefined) {
    return { problem: `${JSON.stringify(file)}: stat ${file}: no such file or directory` };
  }
  return { kind: status.isDirectory() ? 'hcl2' : flags.configType };
}
