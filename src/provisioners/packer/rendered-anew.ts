import { isMovingFact, rendersMoving } from '../../template/packer-lower/moving-facts.ts';

/**
 * Why a step whose options hold `{{ … }}` actions for the time when it runs cannot be cached; undefined when they give the
 * same in every run.
 * @param isMoving tells of the facts behind `{{ build … }}` and the dot
 */
export function renderedAnew(
  options: Readonly<Record<string, unknown>>,
  isMoving: (fact: string) => boolean = isMovingFact,
): string | undefined {
  const name = Object.keys(options).find((key) =>
    textsOf(options[key]).some((text) => rendersMoving(text, isMoving)),
  );
  return name === undefined
    ? undefined
    : `${name} asks for a value that differs in every run (a time, a random one, or a name or port of the machine)`;
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}
