import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprintOf, isRacy } from '../cache/stat-cache.ts';
import type { ProjectConfig } from '../config/load-config.ts';
import { findConfig } from '../config/find-config.ts';
import type { NodeId } from '../model/ids.ts';
import type { SecretSpec } from '../model/pipeline.ts';
import { hostArchitecture } from '../model/platform.ts';
import type { NodeDescription } from '../plan/describe.ts';
import { importModule } from '../schema/import-module.ts';
import { isPipelineDefinition, type BodyContext } from '../template/define-pipeline.ts';
import { findAutoFiles, findTemplates } from '../template/find-templates.ts';
import type { ParsedPipeline } from '../template/parsed-template.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { plainJson } from '../util/plain-json.ts';
import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';
import { sha256Hex } from '../util/hash.ts';
import type { TemplateSelection } from './api.ts';
import type { CompiledProject } from './compile.ts';
import { decodeGraph, encodeGraph, type GraphData } from './graph-codec.ts';

/** Nobody has so many projects and flags; older memos than the newest ones are deleted. */
const MOST_MEMOS = 100;
/** Above this many nodes, finding the place of each in the templates takes longer than compiling again. */
const MOST_NODES = 2000;

/** What compiling depends on, besides the templates and their values. */
export interface MemoRequest {
  readonly cwd: string;
  readonly configFile?: string;
  readonly selection: TemplateSelection;
}

/** What one module exported by default, as text; for a pipeline with a function also what that gave. */
interface ModuleValue {
  readonly file: string;
  readonly value: string;
  readonly bodies: readonly { readonly context: BodyContext; readonly value: string }[];
}

interface Memo {
  readonly config: ProjectConfig;
  readonly configFile?: string;
  /** Every file that was read, with its fingerprint before it was. */
  readonly files: readonly (readonly [string, string])[];
  readonly templates: readonly string[];
  readonly autoFiles: readonly string[];
  readonly modules: readonly ModuleValue[];
  readonly graph: GraphData;
  readonly descriptions: readonly (readonly [NodeId, NodeDescription])[];
  readonly secrets: readonly SecretSpec[];
}

const FORMAT: SealFormat<Memo> = 'imgpipe-compiled-1';

/**
 * What compiling this project gave the last time, when it would give the same again: no file has changed, and every
 * TypeScript module, run once more, exports the same values (it may read the environment or the clock). Compiling is
 * pure in these, so nothing can be stale; what is saved is checking them anew, and loading what checks them.
 * @returns undefined when anything differs, or nothing is remembered
 */
export async function recallCompiled(
  request: MemoRequest,
): Promise<{ readonly config: ProjectConfig; readonly compiled: CompiledProject } | undefined> {
  const file = memoFile(request);
  const memo = file === undefined ? undefined : readMemo(file);
  if (memo === undefined) return undefined;
  if ((request.configFile ?? findConfig(request.cwd)) !== memo.configFile) return undefined;
  if (!memo.files.every(([path, fingerprint]) => fingerprintNow(path) === fingerprint)) return undefined;
  if (!sameList(findTemplates(memo.config.pipelines), memo.templates)) return undefined;
  if (!sameList(findAutoFiles(memo.config.pipelines), memo.autoFiles)) return undefined;
  for (const module of memo.modules) {
    if (!(await exportsTheSame(module))) return undefined;
  }
  const graph = decodeGraph(memo.graph);
  return {
    config: memo.config,
    compiled: { graph, descriptions: new Map(memo.descriptions), secrets: memo.secrets },
  };
}

/** Watches one compilation, to remember it. Made before any file is read. */
export class CompileRecorder {
  readonly #request: MemoRequest;
  readonly #start = BigInt(Date.now()) * 1_000_000n;
  readonly #bodies = new Map<ParsedPipeline, { context: BodyContext; value: string }[]>();
  #plain = true;

  constructor(request: MemoRequest) {
    this.#request = request;
  }

  /** The pipelines, with functions that note what they are given and give. */
  watch(pipelines: readonly ParsedPipeline[]): ParsedPipeline[] {
    return pipelines.map((pipeline) => {
      const { body } = pipeline;
      if (body === undefined) return pipeline;
      const calls: { context: BodyContext; value: string }[] = [];
      const watched: ParsedPipeline = {
        ...pipeline,
        body: (context) => {
          const given = body(context);
          const value = plainJson(given);
          if (value === undefined || plainJson(context) === undefined) this.#plain = false;
          calls.push({ context, value: value ?? '' });
          return given;
        },
      };
      this.#bodies.set(watched, calls);
      return watched;
    });
  }

  /** Remembers the result, unless a part of it is secret or not plain data. Failing to write costs time only. */
  async remember(
    config: ProjectConfig,
    pipelines: readonly ParsedPipeline[],
    compiled: CompiledProject,
  ): Promise<void> {
    const file = memoFile(this.#request);
    // A sensitive variable's value is among the secrets; plugins are code that no file here stands for.
    const isSecret = compiled.secrets.some((secret) => secret.from.type === 'value');
    if (file === undefined || !this.#plain || isSecret || config.plugins.length > 0) return;
    if (compiled.graph.nodes.length > MOST_NODES) return;
    const templates = findTemplates(config.pipelines);
    const autoFiles = findAutoFiles(config.pipelines);
    const configFile = this.#request.configFile ?? findConfig(this.#request.cwd);
    const modules = await this.#modules(
      [...(configFile === undefined ? [] : [configFile]), ...(templates ?? [])],
      pipelines,
    );
    if (modules === undefined || templates === undefined) return;
    const paths = [
      ...(configFile === undefined ? [] : [configFile]),
      ...templates,
      ...autoFiles,
      ...this.#request.selection.varFiles,
    ];
    const files = paths.map((path) => [path, fingerprintNow(path) ?? ''] as const);
    if (paths.some((path) => mayHaveChanged(path, this.#start))) return;
    const memo: Memo = {
      config,
      ...(configFile === undefined ? {} : { configFile }),
      files,
      templates,
      autoFiles,
      modules,
      graph: encodeGraph(compiled.graph),
      descriptions: [...compiled.descriptions],
      secrets: compiled.secrets,
    };
    try {
      writeFileAtomic(file, sealJson(FORMAT, memo), { mode: 0o600 });
      forgetOldest();
    } catch {
      // A read-only home or a full disk.
    }
  }

  async #modules(
    files: readonly string[],
    pipelines: readonly ParsedPipeline[],
  ): Promise<ModuleValue[] | undefined> {
    const modules: ModuleValue[] = [];
    for (const file of files.filter(isModule)) {
      const value = await exportedText(file);
      if (value === undefined) return undefined;
      const own = pipelines.filter((pipeline) => pipeline.file === file && pipeline.body !== undefined);
      const bodies = own.flatMap((pipeline) => this.#bodies.get(pipeline) ?? []);
      // A function that was not called, for a pipeline that was not chosen, says nothing of what it would give.
      modules.push({ file, value, bodies });
    }
    return modules;
  }
}

const isModule = (file: string): boolean => /\.[cm]?[jt]s$/.test(file);

/** The default export of a module as text, functions of pipelines left out; undefined when it is not plain data. */
async function exportedText(file: string): Promise<string | undefined> {
  const value = await defaultExport(file);
  const items = Array.isArray(value) ? value : [value];
  const heads = items.map((item: unknown) => (isPipelineDefinition(item) ? item.head : item));
  return plainJson(heads);
}

async function exportsTheSame(module: ModuleValue): Promise<boolean> {
  if ((await exportedText(module.file)) !== module.value) return false;
  const value = await defaultExport(module.file);
  const items = Array.isArray(value) ? value : [value];
  const functions = items.flatMap((item: unknown) =>
    isPipelineDefinition(item) && item.body !== undefined ? [item.body] : [],
  );
  if (module.bodies.length === 0) return true;
  // A file with several functions is rare; telling whose calls are whose is not worth it.
  if (functions.length !== 1) return false;
  try {
    return module.bodies.every(({ context, value: before }) => plainJson(functions[0]?.(context)) === before);
  } catch {
    return false;
  }
}

async function defaultExport(file: string): Promise<unknown> {
  const loaded = await importModule(file, { syntax: 'template-syntax', thrown: 'template-invalid' });
  return loaded.ok ? loaded.value['default'] : undefined;
}

/** Where the result for this request is remembered; undefined when imgpipe runs from its sources, which change. */
function memoFile({ cwd, configFile, selection }: MemoRequest): string | undefined {
  const self = fileURLToPath(import.meta.url);
  const build = self.endsWith('.ts') ? undefined : fingerprintNow(join(self, '..', 'cli.mjs'));
  const folder = memoFolder();
  if (build === undefined || folder === undefined) return undefined;
  const { env, ...flags } = selection;
  const names = Object.keys(env).filter((name) => name.startsWith('IMGPIPE_VAR_') || ENVIRONMENT.has(name));
  const values = names.toSorted().map((name) => [name, env[name]]);
  const text = JSON.stringify([
    build,
    // What kinds tell of Node itself, such as the version of its zlib, is remembered too.
    process.version,
    cwd,
    configFile,
    flags,
    values,
    homedir(),
    hostArchitecture(),
  ]);
  return join(folder, `${sha256Hex(text)}.json`);
}

/** Variables of the environment that the config's defaults depend on. */
const ENVIRONMENT = new Set(['SOURCE_DATE_EPOCH', 'XDG_CACHE_HOME', 'HOME']);

function memoFolder(): string | undefined {
  const base = process.env['XDG_CACHE_HOME'];
  const folder = base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache');
  return isAbsolute(folder) ? join(folder, 'imgpipe', 'compiled') : undefined;
}

function readMemo(file: string): Memo | undefined {
  try {
    return openSealedJson(FORMAT, readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function forgetOldest(): void {
  const folder = memoFolder() ?? '';
  const names = readdirSync(folder);
  if (names.length <= MOST_MEMOS) return;
  mkdirSync(folder, { recursive: true });
  const dated = names.map((name) => ({
    path: join(folder, name),
    time: statSync(join(folder, name)).mtimeMs,
  }));
  for (const { path } of dated.toSorted((a, b) => a.time - b.time).slice(0, names.length / 2))
    rmSync(path, { force: true });
}

function fingerprintNow(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : fingerprintOf(stat);
}

/** Whether a file's times do not tell that it is still what was read after `startNs`. */
function mayHaveChanged(path: string, startNs: bigint): boolean {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined || isRacy(stat.ctimeNs, startNs);
}

function sameList(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((item, at) => item === b[at]);
}
