import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { builtinKinds } from '../builtins.ts';
import { fail, ok, type Failure, type Result } from '../diagnostics/failure.ts';
import type { ProjectConfig } from '../config/load-config.ts';
import type { Kinds } from '../plan/kinds.ts';
import { KindTable } from '../schema/kind-table.ts';
import type { KindDescriptor } from '../schema/kind.ts';
import { codeDigest } from './plugin-code.ts';

const TABLES = ['sources', 'steps', 'exports', 'checks', 'posts', 'builders'] as const;

/** The built-in kinds and those of the config's plugins. Without plugins nothing is copied. */
export async function loadKinds(config: ProjectConfig): Promise<Result<Kinds>> {
  if (config.plugins.length === 0) return ok(builtinKinds);
  const kinds: Kinds = {
    sources: new KindTable('source', builtinKinds.sources.all),
    steps: new KindTable('step', builtinKinds.steps.all),
    exports: new KindTable('export', builtinKinds.exports.all),
    checks: new KindTable('check', builtinKinds.checks.all),
    posts: new KindTable('post-processor', builtinKinds.posts.all),
    builders: new KindTable('builder', builtinKinds.builders.all),
  };
  const failures: Failure[] = [];
  for (const name of config.plugins) {
    try {
      const path = pluginPath(name, config.root);
      addPlugin(kinds, await importPlugin(path), codeDigest(path));
    } catch (error) {
      failures.push(pluginFailure(name, config, error));
    }
  }
  return failures.length > 0 ? fail(...failures) : ok(kinds);
}

/** What a plugin module exports by default: lists of kinds made with the `define…` functions. */
type Plugin = Partial<Record<(typeof TABLES)[number], readonly KindDescriptor[]>>;

/** Resolved from the project, not from where imgpipe is installed. */
function pluginPath(name: string, root: string): string {
  return name.startsWith('/') ? name : createRequire(`${root}/package.json`).resolve(name);
}

async function importPlugin(path: string): Promise<Plugin> {
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (typeof module.default !== 'object' || module.default === null) {
    throw new TypeError('it exports no object by default');
  }
  const plugin: Plugin = module.default;
  if (!TABLES.some((table) => Array.isArray(plugin[table])))
    throw new TypeError('it exports no list of kinds');
  return plugin;
}

function addPlugin(kinds: Kinds, plugin: Plugin, code: string): void {
  for (const table of TABLES) {
    const target = kinds[table] as KindTable<KindDescriptor>;
    for (const kind of plugin[table] ?? []) {
      if (target.get(kind.type) !== undefined)
        throw new TypeError(`${target.sort} kind \`${kind.type}\` exists already`);
      target.add({ ...kind, code });
    }
  }
}

function pluginFailure(name: string, config: ProjectConfig, error: unknown): Failure {
  return {
    reason: 'config-invalid',
    message: `plugin \`${name}\` cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    origin: config.file === undefined ? undefined : { file: config.file, line: 1, column: 1 },
    hint: 'A plugin exports by default { sources, steps, exports, checks, posts, builders } with kinds made by imgpipe’s define functions.',
    cause: error,
  };
}
