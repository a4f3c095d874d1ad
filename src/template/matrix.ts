import type { Failure } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import type { Locator } from '../schema/locator.ts';
import type { PropertyPath } from '../schema/property-path.ts';
import type { MatrixDeclaration } from './template-schema.ts';

export type Scalar = string | number | boolean;

/** Values of all axes, in the order of the declaration; empty without a matrix. */
export type Variant = Readonly<Record<string, Scalar>>;

/** More are a mistake: axes multiply. */
const MOST_VARIANTS = 1000;

/** All variants of a matrix: the product of its axes, less `exclude`, and `include`. */
export function variantsOf(
  matrix: MatrixDeclaration | undefined,
  locate: Locator,
  failures: Failure[],
): readonly Variant[] {
  if (matrix === undefined) return [{}];
  const { include = [], exclude = [], ...rest } = matrix;
  const axes = rest as Readonly<Record<string, readonly Scalar[]>>;
  const names = Object.keys(axes);
  const problem = (message: string, path: PropertyPath, hint?: string): void => {
    failures.push({
      reason: 'template-invalid',
      message,
      origin: locate(['matrix', ...path], hint === undefined ? 'value' : 'key'),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const count = Object.values(axes).reduce((product, values) => product * values.length, 1);
  if (count > MOST_VARIANTS) {
    problem(`matrix: ${count} variants are more than ${MOST_VARIANTS}`, []);
    return [];
  }
  let variants: Variant[] = [{}];
  for (const [axis, values] of Object.entries(axes)) {
    for (const [index, value] of values.entries()) {
      if (!/^[A-Za-z0-9._-]+$/.test(String(value))) {
        problem(
          `matrix: ${axis}: ${JSON.stringify(value)} must be letters, digits, dots, dashes and underscores`,
          [axis, index],
        );
      }
      if (values.indexOf(value) < index)
        problem(`matrix: ${axis} has ${JSON.stringify(value)} twice`, [axis, index]);
    }
    variants = variants.flatMap((variant) => values.map((value) => ({ ...variant, [axis]: value })));
  }
  for (const [kind, list] of Object.entries({ include, exclude })) {
    for (const [index, entry] of list.entries()) {
      for (const axis of Object.keys(entry)) {
        if (names.includes(axis)) continue;
        problem(
          `matrix: ${kind}: unknown axis "${axis}"`,
          [kind, index, axis],
          suggestName(axis, names, 'axes') ?? '',
        );
      }
    }
  }
  variants = variants.filter((variant) => !exclude.some((entry) => agrees(variant, entry)));
  for (const [index, entry] of include.entries()) {
    const absent = names.filter((name) => !(name in entry));
    if (absent.length > 0)
      problem(`matrix: include: a value for ${absent.join(', ')} is missing`, ['include', index]);
    else variants.push(Object.fromEntries(names.map((name) => [name, entry[name] ?? ''])));
  }
  const seen = new Set<string>();
  return variants.filter((variant) => {
    const id = variantText(variant);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** `amd64,prod`; empty without a matrix. */
export const variantText = (variant: Variant): string => Object.values(variant).map(String).join(',');

/** Whether a variant has the values of all axes that `wanted` names. Compared as text, as they are shown. */
export function agrees(
  variant: Variant,
  wanted: Readonly<Record<string, Scalar | readonly Scalar[]>>,
): boolean {
  return Object.entries(wanted).every(([axis, value]) => {
    const values: readonly Scalar[] = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
    return values.map(String).includes(String(variant[axis]));
  });
}

/** Mistakes in a `when`: axes and values that the matrix does not have, so that the condition could never hold. */
export function checkWhen(
  when: Readonly<Record<string, Scalar | readonly Scalar[]>>,
  variants: readonly Variant[],
  subject: string,
  locate: Locator,
): Failure[] {
  const axes = Object.keys(variants[0] ?? {});
  return Object.entries(when).flatMap(([axis, value]): Failure[] => {
    if (!axes.includes(axis)) {
      const hint = axes.length === 0 ? 'Declare it under `matrix`.' : (suggestName(axis, axes, 'axes') ?? '');
      return [
        {
          reason: 'template-invalid',
          message: `${subject}: when: unknown matrix axis "${axis}"`,
          origin: locate(['when', axis], 'key'),
          hint,
        },
      ];
    }
    const known = [...new Set(variants.map((variant) => String(variant[axis])))];
    return [value].flat().flatMap((each): Failure[] => {
      if (known.includes(String(each))) return [];
      const hint = suggestName(String(each), known, 'values') ?? '';
      return [
        {
          reason: 'template-invalid',
          message: `${subject}: when: no variant has ${axis} ${JSON.stringify(each)}`,
          origin: locate(['when', axis]),
          hint,
        },
      ];
    });
  });
}
