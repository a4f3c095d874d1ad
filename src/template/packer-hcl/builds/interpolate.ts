import type { Failure } from '../../../diagnostics/failure.ts';
import type { SourceRange } from '../../../diagnostics/source-range.ts';
import type { ComponentOptions } from '../../packer-kinds/component.ts';
import type { OptionShapes } from '../../packer-kinds/shape.ts';
import type { GoFunctions } from '../go-template/go-value.ts';
import { goTextOf } from '../go-template/go-problem.ts';
import { renderGoTemplate } from '../go-template/render-go.ts';
import { SourceText } from '../syntax/source-text.ts';

export interface Interpolated {
  readonly options: ComponentOptions;
  readonly failures: readonly Failure[];
}

/**
 * Renders the `{{ … }}` actions in every text of the options, except those that the kind renders itself when it
 * runs. `placeOf` tells where an option was written.
 */
export function interpolateOptions(
  options: ComponentOptions,
  shapes: OptionShapes,
  functions: GoFunctions,
  placeOf: (name: string) => SourceRange | undefined,
): Interpolated {
  const failures: Failure[] = [];
  const render = (text: string, name: string): string => {
    if (!text.includes('{{')) return text;
    const rendered = renderGoTemplate(new SourceText('<text>', text), { data: null, functions });
    if (rendered.ok) return rendered.value;
    const origin = placeOf(name);
    failures.push(
      ...rendered.failures.map((failure) => ({
        reason: failure.reason,
        message: `Error interpolating "${name}": ${goTextOf(failure)}`,
        ...(origin && { origin }),
        ...(failure.hint !== undefined && { hint: failure.hint }),
      })),
    );
    return text;
  };
  const walk = (value: unknown, name: string): unknown => {
    if (typeof value === 'string') return render(value, name);
    if (Array.isArray(value)) return value.map((item) => walk(item, name));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, name)]));
  };
  const rendered = Object.entries(options).map(([name, value]) => {
    const shape = shapes.get(name);
    const own = shape?.kind === 'value' && shape.note === 'raw';
    return [name, own ? value : walk(value, name)];
  });
  return { options: Object.fromEntries(rendered) as ComponentOptions, failures };
}
