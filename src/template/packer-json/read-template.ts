import { type Failure, type Result, fail, ok } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { JsonNode } from '../packer-hcl/syntax/json-text.ts';
import type { SourceText, Span } from '../packer-hcl/syntax/source-text.ts';
import {
  type JsonData,
  type JsonObject,
  JsonPlaces,
  goKindOf,
  goTypeOf,
  isObject,
  toData,
  weakText,
} from './json-value.ts';
import { parseTemplateJson } from './parse-json.ts';
import { StepReader } from './read-steps.ts';
import type { JsonBuilder, JsonTemplate, JsonVariable } from './template.ts';

/** Properties at the root, with what each must be. */
const ROOT: Readonly<Record<string, 'text' | 'list' | 'object' | 'any'>> = {
  min_packer_version: 'text',
  description: 'text',
  builders: 'list',
  comments: 'list',
  push: 'object',
  'post-processors': 'list',
  provisioners: 'list',
  'error-cleanup-provisioner': 'any',
  variables: 'object',
  'sensitive-variables': 'list',
};

/** Reads a template of the legacy JSON form. All that is wrong with its structure comes together, each with its place. */
export function readJsonTemplate(file: string, content: Uint8Array | string): Result<JsonTemplate> {
  const parsed = parseTemplateJson(file, content);
  if (!parsed.ok) return parsed;
  return new Reader(file, parsed.value.source).read(parsed.value.root);
}

class Reader {
  readonly #file: string;
  readonly #source: SourceText;
  readonly #places = new JsonPlaces();
  readonly #failures: Failure[] = [];

  constructor(file: string, source: SourceText) {
    this.#file = file;
    this.#source = source;
  }

  read(root: JsonNode): Result<JsonTemplate> {
    const data = toData(root, this.#places);
    if (!isObject(data)) {
      return fail({
        reason: 'template-invalid',
        message: 'expected a map, the template, at the root',
        origin: root.span.range,
      });
    }
    this.#checkRoot(data);
    if (this.#failures.length > 0) return fail(...this.#failures);
    const steps = new StepReader(this.#places, (message, span) => this.#report(message, span));
    const variables = this.#variables(data['variables']);
    const template: JsonTemplate = {
      file: this.#file,
      description: textOf(data['description']),
      minVersion: textOf(data['min_packer_version']),
      variables,
      sensitive: listOf(data['sensitive-variables']).filter(
        (name): name is string => typeof name === 'string' && variables.has(name),
      ),
      builders: this.#builders(listOf(data['builders'])),
      postProcessors: listOf(data['post-processors']).map((item, index) => steps.chain(item, index)),
      provisioners: listOf(data['provisioners']).flatMap((item, index) =>
        steps.provisioner(item, `provisioner ${index + 1}`),
      ),
      cleanup:
        data['error-cleanup-provisioner'] === undefined
          ? undefined
          : steps.provisioner(data['error-cleanup-provisioner'], 'On Error Cleanup Provisioner error')[0],
      text: this.#source.text,
      data,
      places: this.#places,
    };
    return this.#failures.length > 0 ? fail(...this.#failures) : ok(template);
  }

  #report(message: string, span: Span | undefined, hint?: string): void {
    this.#failures.push({
      reason: 'template-invalid',
      message,
      ...(span && { origin: span.range }),
      ...(hint !== undefined && { hint }),
    });
  }

  #checkRoot(data: JsonObject): void {
    for (const [name, value] of Object.entries(data)) {
      const place = this.#places.ofKey(data, name);
      const folded = Object.keys(ROOT).find((known) => known === name.toLowerCase());
      const wanted = folded === undefined ? undefined : ROOT[folded];
      if (wanted === undefined) this.#unknownRoot(name, value, place);
      else if (!fits(value, wanted)) {
        this.#report(`'${name}' ${EXPECTED[wanted]}, got ${goTypeOf(value)}`, place);
      }
    }
  }

  /** A text under a name that begins with an underscore is a comment. */
  #unknownRoot(name: string, value: JsonData, place: Span | undefined): void {
    if (!name.startsWith('_')) {
      const near = nearestName(name, Object.keys(ROOT));
      const hint = near === undefined ? undefined : `Did you mean "${near}"?`;
      this.#report(`Unknown root level key in template: '${name}'`, place, hint);
    } else if (typeof value !== 'string') {
      this.#report(`Failed to cast root level comment value in comment "${name}" to string.`, place);
    }
  }

  #variables(data: JsonData | undefined): ReadonlyMap<string, JsonVariable> {
    const variables = new Map<string, JsonVariable>();
    if (!isObject(data)) return variables;
    for (const [name, value] of Object.entries(data)) {
      if (value === null || typeof value === 'string') {
        variables.set(name, { default: value ?? '', required: value === null });
      } else {
        this.#report(
          `variable ${name}: '' expected type 'string', got unconvertible type '${goTypeOf(value)}'`,
          this.#places.ofKey(data, name),
        );
      }
    }
    return variables;
  }

  #builders(items: readonly JsonData[]): ReadonlyMap<string, JsonBuilder> {
    const builders = new Map<string, JsonBuilder>();
    for (const [index, item] of items.entries()) {
      const label = `builder ${index + 1}`;
      if (!isObject(item)) {
        this.#report(`${label}: expected a map, got '${goKindOf(item)}'`, undefined);
        continue;
      }
      const place = this.#places.of(item);
      const { name: givenName, type: givenType, ...config } = item;
      const [type, name] = [weakText(givenType), weakText(givenName)];
      if (type === undefined || name === undefined) {
        this.#report(`${label}: '${type === undefined ? 'type' : 'name'}' expected type 'string'`, place);
      } else if (type === '') this.#report(`${label}: missing 'type'`, place);
      else if (builders.has(name === '' ? type : name)) {
        this.#report(`${label}: builder with name '${name === '' ? type : name}' already exists`, place);
      } else {
        const own = name === '' ? type : name;
        builders.set(own, { type, name: own, config, written: item });
      }
    }
    return builders;
  }
}

const EXPECTED = {
  text: "expected type 'string'",
  list: 'source data must be an array or slice',
  object: 'expected a map',
  any: '',
} as const;

function fits(value: JsonData, wanted: keyof typeof EXPECTED): boolean {
  if (wanted === 'any' || value === null) return true;
  if (wanted === 'text') return typeof value === 'string';
  return wanted === 'list' ? Array.isArray(value) : isObject(value);
}

const textOf = (value: JsonData | undefined): string => (typeof value === 'string' ? value : '');
const listOf = (value: JsonData | undefined): readonly JsonData[] => (Array.isArray(value) ? value : []);
