import type { ProjectConfig } from '../config/load-config.ts';
import { ok, type Result } from '../diagnostics/failure.ts';
import { buildGraph } from '../graph/build-graph.ts';
import { selectNodes } from '../graph/select-nodes.ts';
import type { PipelineGraph } from '../model/graph.ts';
import type { SecretSpec, Template } from '../model/pipeline.ts';
import { describeNodes, type Descriptions } from '../plan/describe.ts';
import type { Kinds } from '../plan/kinds.ts';
import type { ParsedTemplate } from '../template/parsed-template.ts';
import { resolveTemplate } from '../template/resolve-template.ts';
import type { GivenVariable } from '../template/variables.ts';
import type { TemplateSelection } from './api.ts';

/** Chosen parts of a project, checked and ready to be planned: plain data, apart from secrets. */
export interface CompiledProject {
  readonly graph: PipelineGraph;
  readonly descriptions: Descriptions;
  readonly secrets: readonly SecretSpec[];
}

/** Templates and variables as they were read, before anything is checked against the kinds. */
export interface ReadProject {
  readonly parsed: ParsedTemplate;
  readonly variables: readonly GivenVariable[];
}

/** Checks everything that the templates say. */
export function checkTemplate(
  read: ReadProject,
  selection: TemplateSelection,
  config: ProjectConfig,
  kinds: Kinds,
): Result<Template> {
  const { variables, parsed } = read;
  const only = selection.pipelines.length === 0 ? {} : { only: selection.pipelines };
  return resolveTemplate(parsed, { kinds, variables, defaults: config.defaults, ...only });
}

/** resolveTemplate → buildGraph → selectNodes → describeNodes: pure in what it is given. */
export function compileProject(
  read: ReadProject,
  selection: TemplateSelection,
  config: ProjectConfig,
  kinds: Kinds,
): Result<CompiledProject> {
  const template = checkTemplate(read, selection, config, kinds);
  if (!template.ok) return template;
  const graph = buildGraph(template.value, kinds);
  if (!graph.ok) return graph;
  const chosen = selectNodes(graph.value, selection);
  if (!chosen.ok) return chosen;
  return ok({
    graph: chosen.value,
    descriptions: describeNodes(chosen.value, kinds),
    secrets: template.value.secrets,
  });
}
