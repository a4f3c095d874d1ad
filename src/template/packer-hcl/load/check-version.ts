import type { Failure } from '../../../diagnostics/failure.ts';
import type { RequiredVersion } from './parsed-template.ts';

/** A failure for every `required_version` that the version this program stands for does not meet. */
export function checkVersions(required: readonly RequiredVersion[], version: string): Failure[] {
  return required.flatMap(({ constraint, span }) => {
    const met = meets(version, constraint);
    if (met === true) return [];
    return [
      {
        reason: 'template-invalid',
        message:
          met === undefined
            ? `Invalid version constraint: this string does not use correct version constraint syntax.`
            : `Unsupported Packer Core version: This configuration does not support Packer version ${version}. To proceed, either choose another supported Packer version or update this version constraint. Version constraints are normally set for good reason, so updating the constraint may lead to other unexpected behavior.`,
        origin: span.range,
      },
    ];
  });
}

const CONSTRAINT = /^\s*(=|!=|>=|<=|>|<|~>)?\s*v?(\d+(?:\.\d+)*)(?:-[\w.-]+)?(?:\+[\w.-]+)?\s*$/;

/** Whether a version meets all parts of a constraint such as `>= 1.7, < 2`; undefined for one that is malformed. */
export function meets(version: string, constraint: string): boolean | undefined {
  const actual = numbersOf(version.replace(/[-+].*$/, ''));
  let all = true;
  for (const part of constraint.split(',')) {
    const found = CONSTRAINT.exec(part);
    if (found === null) return undefined;
    all &&= meetsPart(actual, found[1] ?? '=', numbersOf(found[2] ?? ''));
  }
  return all;
}

/** Whether a constraint names a version that comes before a release, such as `1.0.0-dev`. */
export const isPrerelease = (constraint: string): boolean =>
  constraint.split(',').some((part) => /\d-/.test(part));

const numbersOf = (text: string): number[] => text.split('.').map(Number);

function meetsPart(actual: readonly number[], operator: string, wanted: readonly number[]): boolean {
  const order = compare(actual, wanted);
  switch (operator) {
    case '!=':
      return order !== 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '~>':
      // The last number given may grow; those before it are fixed.
      return order >= 0 && wanted.slice(0, -1).every((number, index) => (actual[index] ?? 0) === number);
    default:
      return order === 0;
  }
}

/** Below, equal or above zero as versions compare; missing numbers are zero. */
export function compare(left: readonly number[], right: readonly number[]): number {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Order of two versions in text; what follows a dash or plus does not count. */
export const compareVersions = (left: string, right: string): number =>
  compare(numbersOf(left.replace(/[-+].*$/, '')), numbersOf(right.replace(/[-+].*$/, '')));
