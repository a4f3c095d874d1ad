import { type JsonData, type JsonObject, isObject } from '../json-value.ts';

/** One mend of what an older Packer took. */
export interface Fixer {
  readonly name: string;
  readonly summary: string;
  /** Changes the template in place. Throws `FixError` for what cannot be mended. */
  readonly fix: (template: JsonObject) => void;
}

/** The message is what Packer says after `Error fixing: `. */
export class FixError extends Error {
  override readonly name = 'FixError';
}

/** The builders. A template without any gets `null`, as from Packer. */
export function buildersOf(template: JsonObject): JsonObject[] {
  const { builders } = template;
  if (builders === undefined || builders === null) {
    template['builders'] = null;
    return [];
  }
  if (!Array.isArray(builders)) {
    throw new FixError(
      `1 error(s) decoding:\n\n* 'Builders': source data must be an array or slice, got ${kindOf(builders)}`,
    );
  }
  const wrong = builders.findIndex((builder) => !isObject(builder));
  if (wrong !== -1) {
    throw new FixError(
      `1 error(s) decoding:\n\n* 'Builders[${wrong}]' expected a map, got '${kindOf(builders[wrong] ?? null)}'`,
    );
  }
  return builders.filter(isObject);
}

/** A fixer of builders whose type a test accepts. */
export function builderFixer(
  name: string,
  summary: string,
  accepts: (type: string) => boolean,
  mend: (builder: JsonObject) => void,
): Fixer {
  return {
    name,
    summary,
    fix: (template) => {
      for (const builder of buildersOf(template)) {
        const { type } = builder;
        if (typeof type === 'string' && accepts(type)) mend(builder);
      }
    },
  };
}

/** A fixer of all builders, with and without a type. */
export function anyBuilderFixer(name: string, summary: string, mend: (builder: JsonObject) => void): Fixer {
  return {
    name,
    summary,
    fix: (template) => {
      for (const builder of buildersOf(template)) mend(builder);
    },
  };
}

/** The provisioners that are objects. A single one becomes a list. */
export function provisionersOf(template: JsonObject): JsonObject[] {
  const { provisioners } = template;
  if (provisioners === undefined || provisioners === null) return [];
  const list = Array.isArray(provisioners) ? provisioners : [provisioners];
  if (list.length > 0) template['provisioners'] = list;
  return list.filter(isObject);
}

/** The post-processors that are objects, also those in chains. */
export function postProcessorsOf(template: JsonObject): JsonObject[] {
  const list = template['post-processors'];
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) {
    throw new FixError(
      `1 error(s) decoding:\n\n* 'post-processors': source data must be an array or slice, got ${kindOf(list)}`,
    );
  }
  return list.flatMap((item) => (Array.isArray(item) ? item : [item])).filter(isObject);
}

export function postProcessorFixer(
  name: string,
  summary: string,
  type: string,
  mend: (step: JsonObject) => void,
): Fixer {
  return {
    name,
    summary,
    fix: (template) => {
      for (const step of postProcessorsOf(template)) if (step['type'] === type) mend(step);
    },
  };
}

/** Moves a property to another name where `fits` its value; one that is there already stays, unless `replace`. */
export function rename(
  object: JsonObject,
  from: string,
  to: string,
  options: { readonly fits?: (value: JsonData) => boolean; readonly keep?: boolean } = {},
): void {
  const value = object[from];
  if (value === undefined || options.fits?.(value) === false) return;
  delete object[from];
  if (options.keep !== true || object[to] === undefined) object[to] = value;
}

export const isText = (value: JsonData): value is string => typeof value === 'string';
export const isTruth = (value: JsonData): value is boolean => typeof value === 'boolean';

function kindOf(value: JsonData): string {
  if (Array.isArray(value)) return 'slice';
  if (isObject(value)) return 'map';
  return typeof value === 'number' ? 'float64' : typeof value === 'boolean' ? 'bool' : 'string';
}
