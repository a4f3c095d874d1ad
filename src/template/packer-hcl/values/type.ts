import type { Value } from './value.ts';

/** The types of the language. `dynamic` is "any": the type of a value that is not known yet, and of bare null. */
export type Type =
  | { readonly kind: 'string' | 'number' | 'bool' | 'dynamic' }
  | { readonly kind: 'list' | 'set' | 'map'; readonly element: Type }
  | { readonly kind: 'tuple'; readonly elements: readonly Type[] }
  | ObjectType;

export interface ObjectType {
  readonly kind: 'object';
  readonly attributes: ReadonlyMap<string, Type>;
  /** Attributes a value may leave out, with what they are then: constraints of variables only. */
  readonly optional?: ReadonlyMap<string, Value | undefined>;
}

export const STRING: Type = { kind: 'string' };
export const NUMBER: Type = { kind: 'number' };
export const BOOL: Type = { kind: 'bool' };
export const DYNAMIC: Type = { kind: 'dynamic' };

export const listOf = (element: Type): Type => ({ kind: 'list', element });
export const setOf = (element: Type): Type => ({ kind: 'set', element });
export const mapOf = (element: Type): Type => ({ kind: 'map', element });

export function isPrimitive(type: Type): boolean {
  return type.kind === 'string' || type.kind === 'number' || type.kind === 'bool';
}

/** Whether two types are one; optional attributes do not count. */
export function sameType(left: Type, right: Type): boolean {
  if (left === right) return true;
  switch (left.kind) {
    case 'list':
    case 'set':
    case 'map':
      return right.kind === left.kind && sameType(left.element, right.element);
    case 'tuple':
      return (
        right.kind === 'tuple' &&
        left.elements.length === right.elements.length &&
        left.elements.every((element, index) => sameType(element, right.elements[index]!))
      );
    case 'object': {
      if (right.kind !== 'object' || left.attributes.size !== right.attributes.size) return false;
      for (const [name, type] of left.attributes) {
        const other = right.attributes.get(name);
        if (other === undefined || !sameType(type, other)) return false;
      }
      return true;
    }
    default:
      return left.kind === right.kind;
  }
}

/** Whether `dynamic` stands anywhere in the type. */
export function hasDynamic(type: Type): boolean {
  switch (type.kind) {
    case 'dynamic':
      return true;
    case 'list':
    case 'set':
    case 'map':
      return hasDynamic(type.element);
    case 'tuple':
      return type.elements.some(hasDynamic);
    case 'object':
      return [...type.attributes.values()].some(hasDynamic);
    default:
      return false;
  }
}

/** The type in words, as messages call it. */
export function describeType(type: Type): string {
  switch (type.kind) {
    case 'dynamic':
      return 'any';
    case 'list':
    case 'set':
    case 'map':
      return `${type.kind} of ${describeType(type.element)}`;
    default:
      return type.kind;
  }
}
