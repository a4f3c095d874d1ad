import path from 'node:path';
import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import { lazyRange } from '../schema/locator.ts';
import { readText } from '../schema/read-text.ts';
import { parseJson, parseYaml } from '../schema/yaml-file.ts';
import { findAutoFiles } from './find-templates.ts';
import type { GivenVariable } from './variables.ts';

export interface VariableSources {
  /** Arguments of `-var`, in order: `name=value`. */
  readonly flags: readonly string[];
  /** Arguments of `-var-file`, in order, relative to `cwd`. */
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder with the templates, in which `*.auto.vars.{yaml,yml,json}` are read. */
  readonly folder: string;
  readonly cwd: string;
}

const ENV_PREFIX = 'IMGPIPE_VAR_';

/**
 * Everything given to variables from outside, lowest precedence first: `IMGPIPE_VAR_*`, `*.auto.vars.*` by name,
 * `-var-file` in order, `-var` in order. (Defaults in the template come before all of these.)
 */
export async function collectVariables(sources: VariableSources): Promise<Result<readonly GivenVariable[]>> {
  const failures: Failure[] = [];
  const given: GivenVariable[] = [];
  for (const [key, value] of Object.entries(sources.env)) {
    if (!key.startsWith(ENV_PREFIX) || value === undefined) continue;
    given.push({ name: key.slice(ENV_PREFIX.length), value, from: key, optional: true });
  }
  const automatic = findAutoFiles(sources.folder);
  for (const file of [...automatic, ...sources.files.map((name) => path.resolve(sources.cwd, name))]) {
    const read = await readFile(file);
    if (read.ok) given.push(...read.value);
    else failures.push(...read.failures);
  }
  for (const flag of sources.flags) {
    const at = flag.indexOf('=');
    if (at > 0)
      given.push({ name: flag.slice(0, at), value: flag.slice(at + 1), from: '-var', optional: false });
    else
      failures.push({
        reason: 'usage',
        message: `-var ${JSON.stringify(flag)} is not of the form name=value`,
      });
  }
  return failures.length > 0 ? fail(...failures) : { ok: true, value: given };
}

async function readFile(file: string): Promise<Result<readonly GivenVariable[]>> {
  const text = readText(file, 'variable-invalid');
  if (!text.ok) return text;
  const parsed = file.endsWith('.json')
    ? parseJson(file, text.value, 'variable-invalid')
    : await parseYaml(file, text.value, 'variable-invalid');
  if (!parsed.ok) return parsed;
  const { value, locate } = parsed.value;
  if (value === null || value === undefined) return { ok: true, value: [] };
  if (typeof value !== 'object' || Array.isArray(value)) {
    return fail({
      reason: 'variable-invalid',
      message: 'a file of variables must hold a map of names to values',
      origin: locate([]),
    });
  }
  const from = path.basename(file);
  return {
    ok: true,
    value: Object.entries(value).map(([name, item]: [string, unknown]) => ({
      name,
      value: item,
      from,
      origin: lazyRange(() => locate([name], 'key')),
      optional: false,
    })),
  };
}
