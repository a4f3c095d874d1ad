import os from 'node:os';
import path from 'node:path';
import { fail, type Result } from '../diagnostics/failure.ts';
import type { LocatedFile } from '../schema/locator.ts';
import type { Importer } from '../schema/import-module.ts';
import { parseLocated } from '../schema/issues.ts';
import { configSchema, DEFAULT_SOURCE_DATE_EPOCH, type ParsedConfig } from './config-schema.ts';
import { findConfig, readConfig } from './find-config.ts';

/** The project's settings with all paths absolute and every default filled in. */
export interface ProjectConfig {
  /** The file it came from; undefined when there is none and defaults hold. */
  readonly file?: string;
  /** Folder of the config file, or the current folder. */
  readonly root: string;
  readonly pipelines: string;
  readonly output: string;
  readonly cache: ParsedConfig['cache'] & { readonly directory: string };
  readonly parallel: ParsedConfig['parallel'];
  readonly packages: ParsedConfig['packages'];
  readonly defaults: ParsedConfig['defaults'] & { readonly sourceDateEpoch: number };
  /** Package names, and absolute paths for plugins given by path. */
  readonly plugins: readonly string[];
  readonly ui: ParsedConfig['ui'];
}

export interface LoadConfigOptions {
  /** Where the search begins; it goes up to the root of the file system. */
  readonly cwd: string;
  /** A file named by the user (`--config`), relative to `cwd`; then nothing is searched. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly importer?: Importer;
}

/** Finds, reads and checks the project's config. No config at all is no failure. */
export async function loadConfig(options: LoadConfigOptions): Promise<Result<ProjectConfig>> {
  const file = options.file === undefined ? findConfig(options.cwd) : path.resolve(options.cwd, options.file);
  if (file === undefined)
    return check({ file: options.cwd, value: {}, locate: () => nowhere(options.cwd) }, options);
  const read = await readConfig(file, options.importer);
  return read.ok ? check(read.value, options, file) : read;
}

const nowhere = (file: string) => ({ file, line: 1, column: 1 });

function check(located: LocatedFile, options: LoadConfigOptions, file?: string): Result<ProjectConfig> {
  const parsed = parseLocated(configSchema, located.value ?? {}, {
    subject: 'config',
    locate: located.locate,
    reason: 'config-invalid',
    noun: 'field',
  });
  if (!parsed.ok) return parsed;
  const epoch = epochOf(parsed.value, options.env);
  if (!epoch.ok) return epoch;
  const root = file === undefined ? path.resolve(options.cwd) : path.dirname(file);
  const { pipelines, output, cache, parallel, packages, defaults, plugins, ui } = parsed.value;
  const directory =
    cache.directory === undefined ? defaultCache(options.env) : path.resolve(root, cache.directory);
  return {
    ok: true,
    value: {
      ...(file === undefined ? {} : { file }),
      root,
      pipelines: path.resolve(root, pipelines),
      output: path.resolve(root, output),
      cache: { ...cache, directory },
      parallel,
      packages,
      defaults: { ...defaults, sourceDateEpoch: epoch.value },
      plugins: plugins.map((plugin) => (/^\.{0,2}\//.test(plugin) ? path.resolve(root, plugin) : plugin)),
      ui,
    },
  };
}

/** `$XDG_CACHE_HOME/imgpipe`; relative values of the variable count as unset, as its specification says. */
function defaultCache(env: LoadConfigOptions['env']): string {
  const base = env['XDG_CACHE_HOME'];
  if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'imgpipe');
  const home = env['HOME'];
  return path.join(home !== undefined && path.isAbsolute(home) ? home : os.homedir(), '.cache', 'imgpipe');
}

/** The config goes before `$SOURCE_DATE_EPOCH` (https://reproducible-builds.org/specs/source-date-epoch/). */
function epochOf(config: ParsedConfig, env: LoadConfigOptions['env']): Result<number> {
  const text = env['SOURCE_DATE_EPOCH'] ?? '';
  if (config.defaults.sourceDateEpoch !== undefined)
    return { ok: true, value: config.defaults.sourceDateEpoch };
  if (text === '') return { ok: true, value: DEFAULT_SOURCE_DATE_EPOCH };
  if (/^\d{1,12}$/.test(text)) return { ok: true, value: Number(text) };
  return fail({
    reason: 'config-invalid',
    message: `the environment variable SOURCE_DATE_EPOCH must be seconds since 1970, not ${JSON.stringify(text)}`,
  });
}
