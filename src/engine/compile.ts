import type { ProjectConfig } from '../config/load-config.ts';
import { fail, ok, type Result } from '../diagnostics/failure.ts';
import { buildGraph } from '../graph/build-graph.ts';
import { selectNodes } from '../graph/select-nodes.ts';
import type { PipelineGraph } from '../model/graph.ts';
import type { LateOptions } from '../model/late-options.ts';
import type { SecretSpec, Template } from '../model/pipeline.ts';
import { describeNodes, type Descriptions } from '../plan/describe.ts';
import { sameFileNames } from '../plan/file-names.ts';
import type { Kinds } from '../plan/kinds.ts';
import { collectVariables } from '../template/collect-variables.ts';
import { loadTemplate } from '../template/load-template.ts';
import type { ParsedTemplate } from '../template/parsed-template.ts';
import { resolveTemplate } from '../template/resolve-template.ts';
import type { GivenVariable } from '../template/variables.ts';
import type { TemplateSelection } from './api.ts';
import { loadKinds } from './load-kinds.ts';

/** Chosen parts of a project, checked and ready to be planned: plain data, apart from secrets. */
export interface CompiledProject {
  readonly graph: PipelineGraph;
  readonly descriptions: Descriptions;
  readonly secrets: readonly SecretSpec[];
  readonly lateOptions?: LateOptions;
}

/** Everything that compiling is made from, as it was read. */
export interface ReadProject {
  readonly parsed: ParsedTemplate;
  readonly variables: readonly GivenVariable[];
  readonly kinds: Kinds;
}

/** Reads templates and variables, and loads the kinds; checks nothing but syntax. */
export async function readProject(
  config: ProjectConfig,
  cwd: string,
  selection: TemplateSelection,
): Promise<Result<ReadProject>> {
  const parsed = await loadTemplate({ folder: config.pipelines });
  if (!parsed.ok) return parsed;
  const { vars, varFiles, env } = selection;
  const variables = await collectVariables({
    flags: vars,
    files: varFiles,
    env,
    folder: config.pipelines,
    cwd,
  });
  if (!variables.ok) return variables;
  const kinds = await loadKinds(config);
  return kinds.ok ? ok({ parsed: parsed.value, variables: variables.value, kinds: kinds.value }) : kinds;
}

/** Checks everything that the templates say. */
export function checkTemplate(
  read: ReadProject,
  selection: TemplateSelection,
  config: ProjectConfig,
): Result<Template> {
  const { variables, parsed, kinds } = read;
  const only = selection.pipelines.length === 0 ? undefined : selection.pipelines;
  return resolveTemplate(parsed, { kinds, variables, defaults: config.defaults, only });
}

/** resolveTemplate → buildGraph → selectNodes → describeNodes: pure in what it is given. */
export function compileProject(
  read: ReadProject,
  selection: TemplateSelection,
  config: ProjectConfig,
): Result<CompiledProject> {
  const template = checkTemplate(read, selection, config);
  if (!template.ok) return template;
  return compileTemplate(template.value, read.kinds, selection);
}

/** buildGraph → selectNodes → describeNodes. */
export function compileTemplate(
  template: Template,
  kinds: Kinds,
  selection: Pick<TemplateSelection, 'pipelines' | 'only' | 'except'>,
): Result<CompiledProject> {
  const graph = buildGraph(template, kinds);
  if (!graph.ok) return graph;
  const chosen = selectNodes(graph.value, selection);
  if (!chosen.ok) return chosen;
  const descriptions = describeNodes(chosen.value, kinds);
  const doubled = sameFileNames(chosen.value, descriptions, kinds);
  if (doubled.length > 0) return fail(...doubled);
  return ok({
    graph: chosen.value,
    descriptions,
    secrets: template.secrets,
  });
}
