import type { Failure, RelatedPlace } from '../diagnostics/failure.ts';
import type { Pipeline, StepSpec } from '../model/pipeline.ts';
import { locateOption } from '../schema/locator.ts';

/**
 * The steps in stacking order: as written, except that a step which an earlier one needs comes before that. Steps
 * without `needs` see all that is written before them. Circles are told as failures and cut.
 */
export function stepOrder(pipeline: Pipeline, failures: Failure[]): readonly StepSpec[] {
  const { steps } = pipeline;
  const indexes = new Map(steps.map((step, index) => [step.name, index]));
  const isForward = (step: StepSpec, index: number) =>
    step.needs?.some((name) => (indexes.get(name) ?? -1) >= index);
  if (!steps.some(isForward)) return steps;

  const ordered: StepSpec[] = [];
  const state = new Uint8Array(steps.length); // 0 not seen, 1 on the way, 2 done
  // Depth first with a list of its own: a chain of needs may be longer than the call stack is deep.
  for (let root = 0; root < steps.length; root++) {
    const way: { index: number; next: number }[] = state[root] === 0 ? [{ index: root, next: 0 }] : [];
    while (way.length > 0) {
      const top = way.at(-1);
      const step = top === undefined ? undefined : steps[top.index];
      if (top === undefined || step === undefined) break;
      if (top.next === 0 && step.needs === undefined) {
        // Pulled forward, though it sees everything written before it: the step that pulls is among that.
        const back = way.findLastIndex((each) => each.index < top.index);
        if (back >= 0)
          failures.push(
            cycle(
              pipeline,
              way.slice(back).map((each) => each.index),
            ),
          );
      }
      state[top.index] = 1;
      const needed = indexes.get(step.needs?.[top.next] ?? '');
      top.next += 1;
      if (needed !== undefined && state[needed] === 0) way.push({ index: needed, next: 0 });
      else if (needed !== undefined && state[needed] === 1) {
        const back = way.findIndex((each) => each.index === needed);
        failures.push(
          cycle(
            pipeline,
            way.slice(back).map((each) => each.index),
          ),
        );
      } else if (top.next > (step.needs?.length ?? 0)) {
        state[top.index] = 2;
        ordered.push(step);
        way.pop();
      }
    }
  }
  return ordered;
}

/** @param trail steps of which each needs the next, and the last the first */
function cycle(pipeline: Pipeline, trail: readonly number[]): Failure {
  const steps = trail.flatMap((index) => pipeline.steps[index] ?? []);
  const places = steps.map((step, at): RelatedPlace => {
    const next = steps[(at + 1) % steps.length] ?? step;
    const option = step.needs?.indexOf(next.name) ?? -1;
    if (option < 0)
      return {
        message: `${step.name} has no \`needs\`, so it sees all steps before it, ${next.name} too`,
        range: step.origin,
      };
    return { message: `${step.name} needs ${next.name}`, range: locateOption(step, `needs[${option}]`) };
  });
  const names = [...steps, ...steps.slice(0, 1)].map((step) => step.name);
  return {
    reason: 'dependency-cycle',
    message: `pipeline ${pipeline.name}: steps need each other in a circle: ${names.join(' -> ')}`,
    ...(places[0] === undefined ? {} : { origin: places[0].range }),
    related: places.slice(1),
    hint: places.some((place) => place.message.includes('has no'))
      ? 'Give the step that has none its own `needs`, or write the needed step first.'
      : 'Take one of these names out of `needs`.',
  };
}
