import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, FailureError, unwrap, type Result } from '../diagnostics/failure.ts';
import { importModule, type Importer } from '../schema/import-module.ts';
import { subLocator, type LocatedFile } from '../schema/locator.ts';
import { moduleLocator } from '../schema/module-file.ts';
import { readText } from '../schema/read-text.ts';
import { parseJson, parseYaml } from '../schema/yaml-file.ts';

/** Names of config files, the first found in a folder counts. */
const CONFIG_FILES = [
  'imgpipe.config.ts',
  'imgpipe.config.mts',
  'imgpipe.config.js',
  'imgpipe.config.mjs',
  'imgpipe.config.json',
  'imgpipe.config.yaml',
  'imgpipe.config.yml',
] as const;

/**
 * The nearest config file in `from` or above. Done here and not by cosmiconfig because eight `stat`s cost less than
 * its search, which reads every candidate through its loader; the file found is handed to cosmiconfig.
 */
export function findConfig(from: string): string | undefined {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    const name = CONFIG_FILES.find((candidate) => existsSync(path.join(folder, candidate)));
    if (name !== undefined) return path.join(folder, name);
    const manifest = path.join(folder, 'package.json');
    if (hasConfig(manifest)) return manifest;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Whether a package.json has our field. A broken one of somebody else's is not our business. */
function hasConfig(manifest: string): boolean {
  try {
    const text = readFileSync(manifest, 'utf8');
    return text.includes('"imgpipe"') && Object.hasOwn(JSON.parse(text) as object, 'imgpipe');
  } catch {
    return false;
  }
}

/** Reads one config file of any of the formats, with the places of its values. */
export async function readConfig(file: string, importer?: Importer): Promise<Result<LocatedFile>> {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined)
    return fail({ reason: 'config-invalid', message: `config file ${file} does not exist` });
  if (stat.isDirectory())
    return fail({ reason: 'config-invalid', message: `${file} is a folder, not a file` });
  const { cosmiconfig } = await import('./cosmiconfig-library.ts');
  // Every loader gives a LocatedFile instead of a bare value, so that mistakes can be shown where they are.
  const load = (read: (file: string) => Promise<Result<LocatedFile>>) => async (path: string) =>
    unwrap(await read(path));
  const module = load((path) => loadModule(path, importer));
  const yaml = load(loadYaml);
  // Of a package.json cosmiconfig itself takes the property of our name.
  const json = async (path: string) =>
    isManifest(path) ? { imgpipe: unwrap(await loadJson(path)) } : unwrap(await loadJson(path));
  const explorer = cosmiconfig('imgpipe', {
    cache: false,
    loaders: {
      '.ts': module,
      '.mts': module,
      '.js': module,
      '.mjs': module,
      '.json': json,
      '.yaml': yaml,
      '.yml': yaml,
      noExt: yaml,
    },
  });
  try {
    const result = await explorer.load(file);
    return { ok: true, value: result?.config as LocatedFile };
  } catch (error) {
    if (error instanceof FailureError) return fail(...error.failures);
    const message = error instanceof Error ? error.message : String(error);
    return fail({ reason: 'config-invalid', message: `${file}: ${message}`, cause: error });
  }
}

const isManifest = (file: string): boolean => path.basename(file) === 'package.json';

async function loadYaml(file: string): Promise<Result<LocatedFile>> {
  const text = readText(file, 'config-invalid');
  return text.ok ? parseYaml(file, text.value, 'config-invalid') : text;
}

async function loadJson(file: string): Promise<Result<LocatedFile>> {
  const text = readText(file, 'config-invalid');
  if (!text.ok) return text;
  const parsed = parseJson(file, text.value, 'config-invalid');
  if (!parsed.ok || !isManifest(file)) return parsed;
  const { value, locate } = parsed.value;
  const own = (value as { imgpipe?: unknown } | null)?.imgpipe;
  return { ok: true, value: { file, value: own, locate: subLocator(locate, ['imgpipe']) } };
}

async function loadModule(file: string, importer?: Importer): Promise<Result<LocatedFile>> {
  const loaded = await importModule(file, { syntax: 'config-invalid', thrown: 'config-invalid' }, importer);
  if (!loaded.ok) return loaded;
  if (!('default' in loaded.value)) {
    return fail({
      reason: 'config-invalid',
      message: 'the config exports nothing by default',
      origin: { file, line: 1, column: 1 },
      hint: 'Write: export default defineConfig({ … })',
    });
  }
  return { ok: true, value: { file, value: loaded.value['default'], locate: moduleLocator(file) } };
}
