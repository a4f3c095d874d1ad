import type { Span } from '../packer-hcl/syntax/source-text.ts';
import { parseGoDuration } from '../packer-kinds/go-duration.ts';
import { type JsonData, type JsonObject, type JsonPlaces, isObject, weakText } from './json-value.ts';
import type { JsonPostProcessor, JsonProvisioner } from './template.ts';

type Report = (message: string, span: Span | undefined) => void;

/** Reads provisioners and post-processors; what is wrong is reported and left out. */
export class StepReader {
  readonly #places: JsonPlaces;
  readonly #report: Report;

  constructor(places: JsonPlaces, report: Report) {
    this.#places = places;
    this.#report = report;
  }

  provisioner(item: JsonData, label: string): JsonProvisioner[] {
    if (!isObject(item)) {
      this.#report(`${label}: Error decoding provisioner: expected a map`, undefined);
      return [];
    }
    const { type, only, except, override, pause_before, timeout, max_retries, ...config } = item;
    const place = this.#places.of(item);
    const name = weakText(type);
    if (name === undefined || name === '') {
      this.#report(`${label}: Provisioner missing 'type'`, place);
      return [];
    }
    const retries = weakText(max_retries);
    const problem =
      this.#duration('pause_before', pause_before) ??
      this.#duration('timeout', timeout) ??
      (retries === undefined ? "'max_retries' expected type 'string'" : undefined) ??
      (override === undefined || override === null || isObject(override)
        ? undefined
        : "'override' expected a map");
    if (problem !== undefined) {
      this.#report(`${label}: Error decoding provisioner: 1 error(s) decoding:\n\n* ${problem}`, place);
      return [];
    }
    return [
      {
        type: name,
        config,
        only: weakList(only),
        except: weakList(except),
        override: isObject(override) ? override : {},
        pauseBefore: durationText(pause_before),
        timeout: durationText(timeout),
        maxRetries: retries ?? '',
        written: item,
      },
    ];
  }

  #duration(name: string, value: JsonData | undefined): string | undefined {
    if (value === undefined || value === null || typeof value === 'number') return undefined;
    if (typeof value !== 'string') return `'${name}' expected type 'time.Duration'`;
    const parsed = parseGoDuration(value);
    return 'error' in parsed ? `error decoding '${name}': ${parsed.error}` : undefined;
  }

  /** A text, an object, or a list of these: a chain. */
  chain(item: JsonData, index: number): readonly JsonPostProcessor[] {
    if (typeof item === 'string' || isObject(item)) return this.#postProcessor(item, `${index + 1}.1`);
    if (!Array.isArray(item)) {
      this.#report(`post-processor ${index + 1}: bad format`, undefined);
      return [];
    }
    return item.flatMap((inner, at) => {
      const label = `${index + 1}.${at + 1}`;
      if (typeof inner === 'string' || isObject(inner)) return this.#postProcessor(inner, label);
      const why = Array.isArray(inner) ? 'sequence not allowed to be nested in a sequence' : 'unknown format';
      this.#report(`post-processor ${label}: ${why}`, this.#places.of(item));
      return [];
    });
  }

  #postProcessor(item: string | JsonObject, label: string): JsonPostProcessor[] {
    const written = typeof item === 'string' ? { type: item } : item;
    const { type, name, only, except, keep_input_artifact, ...config } = written;
    const report = (why: string): [] => {
      this.#report(
        `post-processor ${label}: ${why}`,
        typeof item === 'string' ? undefined : this.#places.of(item),
      );
      return [];
    };
    // Unlike other parts, this one takes no value of another type.
    for (const [key, value] of Object.entries({ type, name })) {
      if (value !== undefined && value !== null && typeof value !== 'string') {
        return report(`1 error(s) decoding:\n\n* '${key}' expected type 'string'`);
      }
    }
    if (
      keep_input_artifact !== undefined &&
      keep_input_artifact !== null &&
      typeof keep_input_artifact !== 'boolean'
    ) {
      return report("1 error(s) decoding:\n\n* 'keep_input_artifact' expected type 'bool'");
    }
    if (typeof type !== 'string' || type === '') return report('type is required');
    return [
      {
        type,
        name: typeof name === 'string' && name !== '' ? name : type,
        config,
        only: weakList(only),
        except: weakList(except),
        keepInputArtifact: typeof keep_input_artifact === 'boolean' ? keep_input_artifact : undefined,
        written: item,
      },
    ];
  }
}

/** A number of nanoseconds, or a text with units. */
function durationText(value: JsonData | undefined): string {
  if (typeof value === 'number') return `${value}ns`;
  return typeof value === 'string' ? value : '';
}

function weakList(value: JsonData | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const items = Array.isArray(value) ? value : [value];
  return items.map((item) => weakText(item) ?? '');
}
