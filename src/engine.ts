import { openStore } from './cache/open-store.ts';
import type { ProjectConfig } from './config/load-config.ts';
import { capture, fail, ok, type Result } from './diagnostics/failure.ts';
import type {
  AuditRequest,
  BuildOutcome,
  BuildRequest,
  CacheUse,
  DiffRequest,
  Engine,
  FullBuildOutcome,
  OpenedProject,
  OpenProjectOptions,
  Project,
  ShellRequest,
  TemplateSelection,
  UpdateRequest,
  VariableSummary,
  WhyReport,
} from './engine/api.ts';
import type { CompiledProject } from './engine/compile.ts';
import { CompileRecorder, recallCompiled } from './engine/compile-memo.ts';
import { growWhenWanted } from './engine/grow.ts';
import { Session } from './engine/session.ts';
import type { LateOptions } from './model/late-options.ts';
import type { Template } from './model/pipeline.ts';
import type { Kinds } from './plan/kinds.ts';
import { planGraph, type Plan } from './plan/plan.ts';
import type { Prober } from './plan/prober.ts';
import type { AuditReport } from './report/audit-report.ts';
import type { DiffReport } from './report/diff/diff-report.ts';
import { Redactor } from './util/redact.ts';

const AS_CACHED: CacheUse = { noCache: false, force: false };

/**
 * The program, top to bottom:
 *
 *     loadTemplate → compileProject (resolveTemplate → buildGraph → selectNodes → describeNodes)
 *                  → planGraph, or runPlan with exports and checks → output folders
 *
 * `validate` stops before the plan, `plan` at it, `build` goes through. The store is opened when the plan needs it.
 */
export const engine: Engine = {
  openProject: async (options: OpenProjectOptions): Promise<Result<Project>> => {
    const config = await readConfig(options);
    return config.ok ? ok(new OpenProject(config.value, options)) : config;
  },

  openCompiled: async (
    options: OpenProjectOptions,
    selection: TemplateSelection,
  ): Promise<Result<OpenedProject>> => {
    const request = { ...options, selection };
    const known = await recallCompiled(request);
    if (known !== undefined)
      return ok({ project: new OpenProject(known.config, options), compiled: known.compiled });
    const recorder = new CompileRecorder(request);
    const config = await readConfig(options);
    if (!config.ok) return config;
    const compiled = await compile(config.value, options.cwd, selection, recorder);
    return compiled.ok
      ? ok({ project: new OpenProject(config.value, options), compiled: compiled.value })
      : compiled;
  },
};

async function readConfig(options: OpenProjectOptions): Promise<Result<ProjectConfig>> {
  const { loadConfig } = await import('./config/load-config.ts');
  return await loadConfig({ cwd: options.cwd, file: options.configFile, env: process.env });
}

class OpenProject implements Project {
  readonly config: ProjectConfig;
  readonly #cwd: string;
  #session: Result<Session> | undefined;

  constructor(config: ProjectConfig, options: OpenProjectOptions) {
    const { cwd, output = config.output, cacheDirectory = config.cache.directory } = options;
    this.config = { ...config, output, cache: { ...config.cache, directory: cacheDirectory } };
    this.#cwd = cwd;
  }

  async loadTemplate(selection: TemplateSelection): Promise<Result<Template>> {
    const { checkTemplate, readProject } = await import('./engine/compile.ts');
    const read = await readProject(this.config, this.#cwd, selection);
    return read.ok ? checkTemplate(read.value, selection, this.config) : read;
  }

  async variables(): Promise<Result<readonly VariableSummary[]>> {
    const { listVariables } = await import('./template/resolve-template.ts');
    const { loadTemplate } = await import('./template/load-template.ts');
    const parsed = await loadTemplate({ folder: this.config.pipelines });
    return parsed.ok ? listVariables(parsed.value) : parsed;
  }

  async kinds(): Promise<Result<Kinds>> {
    const { loadKinds } = await import('./engine/load-kinds.ts');
    return await loadKinds(this.config);
  }

  async compile(template: Template, lateOptions: LateOptions): Promise<Result<CompiledProject>> {
    const kinds = await this.kinds();
    if (!kinds.ok) return kinds;
    const { compileTemplate } = await import('./engine/compile.ts');
    const compiled = compileTemplate(template, kinds.value, { pipelines: [], only: [], except: [] });
    return compiled.ok ? ok({ ...compiled.value, lateOptions }) : compiled;
  }

  async compileText(
    text: string,
    { file, values }: Parameters<Project['compileText']>[1],
  ): Promise<Result<CompiledProject>> {
    const kinds = await this.kinds();
    if (!kinds.ok) return kinds;
    const { compileText } = await import('./engine/compile-text.ts');
    return await compileText(text, { file, values, kinds: kinds.value, config: this.config });
  }

  async plan(compiled: CompiledProject, use: CacheUse): Promise<Result<Plan>> {
    const opened = this.#open();
    if (!opened.ok) return opened;
    const planned = await capture(() => growWhenWanted(opened.value, compiled, use));
    if (!planned.ok) return planned;
    return await this.#probing(planned.value, use, (prober, session) =>
      planGraph(planned.value.graph, prober, session.actions),
    );
  }

  async why(compiled: CompiledProject, step: string): Promise<Result<WhyReport>> {
    const { explainNode } = await import('./engine/why.ts');
    return await this.#probing(compiled, AS_CACHED, (prober, session) =>
      explainNode(session, compiled.graph, prober, step),
    );
  }

  async diff({ before, after, compiled }: DiffRequest): Promise<Result<readonly DiffReport[]>> {
    const session = this.#open();
    if (!session.ok) return session;
    const { diff } = await import('./engine/diff.ts');
    const graph = async () => {
      const made = await compiled();
      return made.ok ? ok(made.value.graph) : made;
    };
    return await diff({ session: session.value, cwd: this.#cwd, graph }, before, after);
  }

  async audit(compiled: CompiledProject, request: AuditRequest): Promise<Result<AuditReport>> {
    const session = this.#open();
    if (!session.ok) return session;
    const { audit } = await import('./engine/audit.ts');
    return await audit(session.value, compiled, request);
  }

  async shell(compiled: CompiledProject, request: ShellRequest): Promise<Result<number>> {
    const { runShell, shellView } = await import('./engine/shell.ts');
    const { findNode } = await import('./engine/why.ts');
    return await this.#probing(compiled, AS_CACHED, async (prober, session) => {
      const node = findNode(compiled.graph, request.step);
      const view = node.ok ? shellView(session, compiled.graph, prober, node.value) : node;
      return view.ok ? ok(await runShell(session, view.value, request.command, request.signal)) : view;
    });
  }

  async build(compiled: CompiledProject, request: BuildRequest): Promise<BuildOutcome> {
    const session = this.#open();
    if (!session.ok) return { outcome: 'failed', failures: session.failures };
    const { build } = await import('./engine/build.ts');
    return await build(session.value, compiled, request);
  }

  async cacheUsage() {
    return await this.#maintain((maintenance, session) => maintenance.measureCache(session));
  }

  async cachePrune(options: Parameters<Project['cachePrune']>[0]) {
    return await this.#maintain((maintenance, session) => maintenance.pruneCache(session, options));
  }

  async cacheVerify(onProgress: Parameters<Project['cacheVerify']>[0]) {
    return await this.#maintain((maintenance, session) => maintenance.verifyCache(session, onProgress));
  }

  async fullBuild(compiled: CompiledProject, request: BuildRequest): Promise<FullBuildOutcome> {
    const session = this.#open();
    if (!session.ok) return { outcome: 'failed', failures: session.failures };
    const { fullBuild } = await import('./engine/full-build.ts');
    return await fullBuild(session.value, compiled, request);
  }

  async update(compiled: CompiledProject, request: UpdateRequest) {
    const session = this.#open();
    if (!session.ok) return session;
    const { updateLock } = await import('./engine/update.ts');
    const updated = await capture(() => updateLock(session.value, compiled, request));
    return updated.ok ? updated.value : updated;
  }

  async gc() {
    return await this.#maintain((maintenance, session) => maintenance.collectGarbage(session));
  }

  async processes() {
    return await this.#maintain((maintenance, session) => Promise.resolve(maintenance.listRuns(session)));
  }

  #open(): Result<Session> {
    if (this.#session !== undefined) return this.#session;
    const layout = openStore(this.config.cache.directory);
    this.#session = layout.ok ? ok(new Session(this.config, layout.value)) : fail(...layout.failures);
    return this.#session;
  }

  async #probing<T>(
    compiled: CompiledProject,
    use: CacheUse,
    body: (prober: Prober, session: Session) => Promise<Result<T>> | Result<T>,
  ): Promise<Result<T>> {
    const session = this.#open();
    if (!session.ok) return session;
    const { prober } = await session.value.prober(compiled, { ...use, redactor: new Redactor() });
    return await body(prober, session.value);
  }

  async #maintain<T>(
    body: (maintenance: typeof import('./engine/maintenance.ts'), session: Session) => Promise<T>,
  ): Promise<Result<T>> {
    const session = this.#open();
    if (!session.ok) return session;
    return ok(await body(await import('./engine/maintenance.ts'), session.value));
  }
}

/** From the files to a compiled project, and into the memory of the next run. */
async function compile(
  config: ProjectConfig,
  cwd: string,
  selection: TemplateSelection,
  recorder: CompileRecorder,
): Promise<Result<CompiledProject>> {
  const { compileProject, readProject } = await import('./engine/compile.ts');
  const read = await readProject(config, cwd, selection);
  if (!read.ok) return read;
  const pipelines = recorder.watch(read.value.parsed.pipelines);
  const compiled = compileProject(
    { ...read.value, parsed: { ...read.value.parsed, pipelines } },
    selection,
    config,
  );
  if (compiled.ok) await recorder.remember(config, pipelines, compiled.value);
  return compiled;
}
