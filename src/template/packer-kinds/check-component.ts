import type { CheckOutcome, CheckWorld, ComponentOptions, PackerComponent } from './component.ts';
import { parseGoDuration } from './go-duration.ts';
import { type OptionShapes, shapesOf } from './shape.ts';

/** What Packer would say of a block's options once their types are right. */
export function checkComponent(
  component: PackerComponent,
  options: ComponentOptions,
  world: CheckWorld,
): CheckOutcome {
  const durations = checkDurations(options, shapesOf(component.schema));
  if (durations.length > 0) return { errors: durations.toSorted(), isForm: true };
  return component.check(options, world);
}

function checkDurations(options: ComponentOptions, shapes: OptionShapes): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const shape = shapes.get(name);
    if (shape?.kind !== 'value' || shape.note !== 'duration' || typeof value !== 'string') return [];
    if (value === '' || value === '<unknown>') return [];
    const parsed = parseGoDuration(value);
    return 'error' in parsed ? [`error decoding '${name}': ${parsed.error}`] : [];
  });
}

/** Errors as Packer joins them. */
export function errorText({ errors, givesUp, isForm }: CheckOutcome): string {
  if (givesUp === true) return errors[0] ?? '';
  const what = isForm === true ? 'decoding' : 'occurred';
  return `${errors.length} error(s) ${what}:\n\n${errors.map((error) => `* ${error}`).join('\n')}`;
}
