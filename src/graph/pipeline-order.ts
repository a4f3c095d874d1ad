import { Graph, alg } from '@dagrejs/graphlib';
import type { Failure } from '../diagnostics/failure.ts';
import type { Pipeline } from '../model/pipeline.ts';
import { locateOption } from '../schema/locator.ts';

export interface OrderedPipeline {
  readonly pipeline: Pipeline;
  /** The pipeline whose layers it begins with. */
  readonly base?: Pipeline;
}

/** All pipelines, each after the one it begins with. Circles and sources that cannot be told are failures. */
export function pipelineOrder(
  pipelines: readonly Pipeline[],
  failures: Failure[],
): readonly OrderedPipeline[] {
  const byId = new Map(pipelines.map((pipeline) => [pipeline.id, pipeline]));
  const bases = new Map<string, Pipeline>();
  const graph = new Graph();
  for (const pipeline of pipelines) graph.setNode(pipeline.id);
  for (const pipeline of pipelines) {
    if (pipeline.source.type !== 'pipeline') continue;
    const base = baseOf(pipeline, pipelines, failures);
    if (base === undefined) continue;
    bases.set(pipeline.id, base);
    graph.setEdge(base.id, pipeline.id);
  }
  const circles = alg.findCycles(graph);
  if (circles.length > 0) {
    failures.push(...circles.flatMap(([first]) => (first === undefined ? [] : [circle(first, byId, bases)])));
    return [];
  }
  return alg.topsort(graph).flatMap((id): OrderedPipeline[] => {
    const pipeline = byId.get(id);
    const base = bases.get(id);
    return pipeline === undefined ? [] : [{ pipeline, ...(base === undefined ? {} : { base }) }];
  });
}

/** The variant that a `pipeline` source means: the one named, else the one that agrees with this pipeline's axes. */
function baseOf(
  pipeline: Pipeline,
  pipelines: readonly Pipeline[],
  failures: Failure[],
): Pipeline | undefined {
  const { source } = pipeline;
  const name = String(source.options['name']);
  const named = (source.options['variant'] ?? {}) as Readonly<Record<string, string>>;
  const all = pipelines.filter((other) => other.name === name);
  const matching = all.filter(
    (other) =>
      Object.entries(named).every(([axis, value]) => other.matrix[axis] === String(value)) &&
      Object.entries(other.matrix).every(
        ([axis, value]) => axis in named || (pipeline.matrix[axis] ?? value) === value,
      ),
  );
  const [only] = matching;
  if (matching.length === 1 && only !== undefined && only.architecture === pipeline.architecture) return only;
  const place = locateOption(source, source.options['variant'] === undefined ? 'name' : 'variant');
  const problem = (message: string, hint: string): void => {
    failures.push({
      reason: 'template-invalid',
      message: `pipeline ${pipeline.id}: source: ${message}`,
      origin: place,
      hint,
    });
  };
  const ids = (list: readonly Pipeline[]): string => list.map((other) => other.id).join(', ');
  if (all.length === 0) problem(`there is no pipeline "${name}"`, 'Check the name.');
  else if (only === undefined) problem(`no variant of "${name}" fits`, `There are ${ids(all)}.`);
  else if (matching.length > 1)
    problem(`several variants of "${name}" fit`, `Choose with \`variant\` among ${ids(matching)}.`);
  else
    problem(
      `${only.id} is for ${only.architecture}, this one for ${pipeline.architecture}`,
      'Both need one `architecture`.',
    );
  return undefined;
}

/** Every pipeline has one source at most, so the circle is found by following it. */
function circle(
  first: string,
  byId: ReadonlyMap<string, Pipeline>,
  bases: ReadonlyMap<string, Pipeline>,
): Failure {
  const trail: Pipeline[] = [];
  for (let at = byId.get(first); at !== undefined && !trail.includes(at); at = bases.get(at.id))
    trail.push(at);
  const names = [...trail, ...trail.slice(0, 1)].map((pipeline) => pipeline.id);
  const places = trail.map((pipeline, index) => ({
    message: `${pipeline.id} begins with ${names[index + 1] ?? ''}`,
    range: locateOption(pipeline.source, 'name'),
  }));
  return {
    reason: 'dependency-cycle',
    message: `pipelines begin with each other in a circle: ${names.join(' -> ')}`,
    ...(places[0] === undefined ? {} : { origin: places[0].range }),
    related: places.slice(1),
    hint: 'One of them needs another source.',
  };
}
