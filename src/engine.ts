import { openStore } from './cache/open-store.ts';
import { loadConfig, type ProjectConfig } from './config/load-config.ts';
import { fail, ok, type Result } from './diagnostics/failure.ts';
import type {
  BuildOutcome,
  BuildRequest,
  CacheUse,
  Engine,
  OpenProjectOptions,
  Project,
  ShellRequest,
  TemplateSelection,
  VariableSummary,
  WhyReport,
} from './engine/api.ts';
import type { CompiledProject, ReadProject } from './engine/compile.ts';
import { Session } from './engine/session.ts';
import type { Template } from './model/pipeline.ts';
import type { Kinds } from './plan/kinds.ts';
import { planGraph, type Plan } from './plan/plan.ts';
import type { Prober } from './plan/prober.ts';
import { collectVariables } from './template/collect-variables.ts';
import { loadTemplate } from './template/load-template.ts';
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
    const config = await loadConfig({ cwd: options.cwd, file: options.configFile, env: process.env });
    return config.ok ? ok(new OpenProject(config.value, options.cwd)) : config;
  },
};

class OpenProject implements Project {
  readonly config: ProjectConfig;
  readonly #cwd: string;
  #session: Result<Session> | undefined;

  constructor(config: ProjectConfig, cwd: string) {
    this.config = config;
    this.#cwd = cwd;
  }

  async loadTemplate(selection: TemplateSelection): Promise<Result<Template>> {
    const { checkTemplate } = await import('./engine/compile.ts');
    return await this.#loading(selection, (read, kinds) => checkTemplate(read, selection, this.config, kinds));
  }

  async variables(): Promise<Result<readonly VariableSummary[]>> {
    const { listVariables } = await import('./template/resolve-template.ts');
    const parsed = await loadTemplate({ folder: this.config.pipelines });
    return parsed.ok ? listVariables(parsed.value) : parsed;
  }

  async compile(selection: TemplateSelection): Promise<Result<CompiledProject>> {
    const { compileProject } = await import('./engine/compile.ts');
    return await this.#loading(selection, (read, kinds) => compileProject(read, selection, this.config, kinds));
  }

  async plan(compiled: CompiledProject, use: CacheUse): Promise<Result<Plan>> {
    return await this.#probing(compiled, use, (prober, session) => planGraph(compiled.graph, prober, session.actions));
  }

  async why(compiled: CompiledProject, step: string): Promise<Result<WhyReport>> {
    const { explainNode } = await import('./engine/why.ts');
    return await this.#probing(compiled, AS_CACHED, (prober, session) => explainNode(session, compiled.graph, prober, step));
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

  /** Reads templates and variables, and hands them on with the kinds. */
  async #loading<T>(selection: TemplateSelection, body: (read: ReadProject, kinds: Kinds) => Result<T>): Promise<Result<T>> {
    const parsed = await loadTemplate({ folder: this.config.pipelines });
    if (!parsed.ok) return parsed;
    const variables = await collectVariables({
      flags: selection.vars,
      files: selection.varFiles,
      env: selection.env,
      folder: this.config.pipelines,
      cwd: this.#cwd,
    });
    if (!variables.ok) return variables;
    const { loadKinds } = await import('./engine/load-kinds.ts');
    const kinds = await loadKinds(this.config);
    return kinds.ok ? body({ parsed: parsed.value, variables: variables.value }, kinds.value) : kinds;
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
