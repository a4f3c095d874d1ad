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
import { loadKinds } from './engine/load-kinds.ts';
import { Session } from './engine/session.ts';
import { buildGraph } from './graph/build-graph.ts';
import { selectNodes } from './graph/select-nodes.ts';
import type { PipelineGraph } from './model/graph.ts';
import type { Template } from './model/pipeline.ts';
import type { Kinds } from './plan/kinds.ts';
import { planGraph, type Plan } from './plan/plan.ts';
import type { Prober } from './plan/prober.ts';
import { collectVariables } from './template/collect-variables.ts';
import { loadTemplate } from './template/load-template.ts';
import { listVariables, resolveTemplate } from './template/resolve-template.ts';
import { Redactor } from './util/redact.ts';

/**
 * The program, top to bottom:
 *
 *     loadTemplate → resolveTemplate → buildGraph → planGraph → runPlan → exports and checks → output folders
 *
 * `validate` stops at the graph, `plan` at the plan, `build` goes through. The store is opened when the plan needs it.
 */
export const engine: Engine = {
  openProject: async (options: OpenProjectOptions): Promise<Result<Project>> => {
    const config = await loadConfig({ cwd: options.cwd, file: options.configFile, env: process.env });
    if (!config.ok) return config;
    const kinds = await loadKinds(config.value);
    return kinds.ok ? ok(new OpenProject(config.value, options.cwd, kinds.value)) : kinds;
  },
};

/** A template with the choice of its parts that the command line made. */
interface ChosenTemplate extends Template {
  readonly selection: TemplateSelection;
}

class OpenProject implements Project {
  readonly config: ProjectConfig;
  readonly #cwd: string;
  readonly #kinds: Kinds;
  #session: Result<Session> | undefined;

  constructor(config: ProjectConfig, cwd: string, kinds: Kinds) {
    this.config = config;
    this.#cwd = cwd;
    this.#kinds = kinds;
  }

  async loadTemplate(selection: TemplateSelection): Promise<Result<ChosenTemplate>> {
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
    const template = resolveTemplate(parsed.value, {
      kinds: this.#kinds,
      variables: variables.value,
      defaults: this.config.defaults,
      ...(selection.pipelines.length === 0 ? {} : { only: selection.pipelines }),
    });
    return template.ok ? ok({ ...template.value, selection }) : template;
  }

  async variables(): Promise<Result<readonly VariableSummary[]>> {
    const parsed = await loadTemplate({ folder: this.config.pipelines });
    return parsed.ok ? listVariables(parsed.value) : parsed;
  }

  graph(template: ChosenTemplate): Result<PipelineGraph> {
    const graph = buildGraph(template, this.#kinds);
    return graph.ok ? selectNodes(graph.value, template.selection) : graph;
  }

  async plan(template: ChosenTemplate, use: CacheUse): Promise<Result<Plan>> {
    return await this.#probing(template, use, (graph, prober, session) => planGraph(graph, prober, session.actions));
  }

  async why(template: ChosenTemplate, step: string): Promise<Result<WhyReport>> {
    const { explainNode } = await import('./engine/why.ts');
    return await this.#probing(template, { noCache: false, force: false }, (graph, prober, session) =>
      explainNode(session, graph, prober, step),
    );
  }

  async shell(template: ChosenTemplate, request: ShellRequest): Promise<Result<number>> {
    const { runShell, shellView } = await import('./engine/shell.ts');
    const { findNode } = await import('./engine/why.ts');
    return await this.#probing(template, { noCache: false, force: false }, async (graph, prober, session) => {
      const node = findNode(graph, request.step);
      const view = node.ok ? shellView(session, graph, prober, node.value) : node;
      return view.ok ? ok(await runShell(session, view.value, request.command, request.signal)) : view;
    });
  }

  async build(template: ChosenTemplate, request: BuildRequest): Promise<BuildOutcome> {
    const graph = this.graph(template);
    if (!graph.ok) return { outcome: 'failed', failures: graph.failures };
    const session = this.#open();
    if (!session.ok) return { outcome: 'failed', failures: session.failures };
    const { build } = await import('./engine/build.ts');
    return await build(session.value, template, graph.value, request);
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
    this.#session = layout.ok ? ok(new Session(this.config, this.#kinds, layout.value)) : fail(...layout.failures);
    return this.#session;
  }

  async #probing<T>(
    template: ChosenTemplate,
    use: CacheUse,
    body: (graph: PipelineGraph, prober: Prober, session: Session) => Promise<Result<T>> | Result<T>,
  ): Promise<Result<T>> {
    const graph = this.graph(template);
    if (!graph.ok) return graph;
    const session = this.#open();
    if (!session.ok) return session;
    const { prober } = await session.value.prober(template, { ...use, redactor: new Redactor() });
    return await body(graph.value, prober, session.value);
  }

  async #maintain<T>(
    body: (maintenance: typeof import('./engine/maintenance.ts'), session: Session) => Promise<T>,
  ): Promise<Result<T>> {
    const session = this.#open();
    if (!session.ok) return session;
    return ok(await body(await import('./engine/maintenance.ts'), session.value));
  }
}
