import type { RequiredPlugin } from '../load/parsed-template.ts';
import type { Failure } from '../../../diagnostics/failure.ts';
import { checkComponent, errorText } from '../../packer-kinds/check-component.ts';
import type { CheckWorld, ComponentRole, PackerComponent } from '../../packer-kinds/component.ts';
import { describeMissing } from '../../packer-kinds/plugins.ts';
import { type OptionShapes, shapesOf } from '../../packer-kinds/shape.ts';
import { componentTypes, findComponent } from '../../packer-kinds/table.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import type { EvaluationContext } from '../evaluate/context.ts';
import { engineFunctions } from '../go-template/packer-functions.ts';
import type { GoFunction, GoFunctions } from '../go-template/go-value.ts';
import type { Problems } from '../load/body.ts';
import type { Body } from '../syntax/ast.ts';
import type { Span } from '../syntax/source-text.ts';
import { decodeBody } from './decode-body.ts';
import { interpolateOptions } from './interpolate.ts';
import type { PreparedComponent } from './prepared.ts';

export interface ComponentRequest {
  readonly role: ComponentRole;
  readonly type: string;
  /** What messages call it, such as `provisioner-block "shell" "x"`; left out for sources, whose problems stand alone. */
  readonly label?: string;
  readonly span: Span;
  readonly typeSpan: Span;
  readonly body: Body;
  /** Options of the same block that are not the kind's own. */
  readonly meta: OptionShapes;
  readonly override?: Readonly<Record<string, unknown>>;
  readonly context: EvaluationContext;
  readonly world: CheckWorld;
  readonly facts: Parameters<typeof engineFunctions>[0];
  /** `{{ build `Name` }}`. */
  readonly buildFact: GoFunction['call'];
  /** Plugins that the template asks for. */
  readonly plugins: readonly RequiredPlugin[];
}

const NOUNS: Readonly<Record<ComponentRole, string>> = {
  builder: 'source',
  provisioner: 'provisioner',
  'post-processor': 'post-processor',
  'data-source': 'data',
};

/** Reads and checks one block. What is wrong goes to `problems`; the component is there even so. */
export function prepareComponent(request: ComponentRequest, problems: Problems): PreparedComponent {
  const { role, type, span } = request;
  const kind = findComponent(role, type);
  if (kind === undefined) {
    problems.add(unknownKind(request));
    return { type, kind, options: {}, values: new Map(), failed: true, span };
  }
  return checked(request, kind, problems);
}

function unknownKind({ role, type, typeSpan, plugins }: ComponentRequest): Failure {
  const noun = NOUNS[role];
  const quoted = role === 'builder' || role === 'data-source' ? type : JSON.stringify(type);
  const near = didYouMean(type, componentTypes(role));
  return {
    reason: 'unknown-kind',
    message: `Unknown ${noun} type ${quoted}: ${describeMissing(noun, type, plugins)}`,
    origin: typeSpan.range,
    ...near,
  };
}

function checked(request: ComponentRequest, kind: PackerComponent, problems: Problems): PreparedComponent {
  const shapes = shapesOf(kind.schema);
  const decoded = decodeBody(request.body, new Map([...shapes, ...request.meta]), request.context);
  const prefix = request.label === undefined ? '' : `Failed preparing ${request.label}: `;
  const add = (failure: Failure): void => {
    const place = request.span.range;
    problems.add({ origin: place, ...failure, message: prefix + failure.message });
  };
  for (const failure of decoded.failures) add(labelled(failure, request.label));
  const own = Object.entries(decoded.options).filter(([name]) => !request.meta.has(name));
  const given = { ...Object.fromEntries(own), ...request.override };
  for (const name of Object.keys(request.override ?? {}).filter((key) => !shapes.has(key))) {
    add({ reason: 'unknown-option', message: `unknown configuration key: '"${name}"'` });
  }
  const { options, failures } = interpolateOptions(
    given,
    shapes,
    buildFunctions(request),
    (name) => decoded.places.get(name)?.span.range,
  );
  for (const failure of failures) add(failure);
  let failed = decoded.failures.length + failures.length > 0;
  if (decoded.failures.length === 0) {
    const outcome = checkComponent(kind, options, request.world);
    const { errors, warnings } = outcome;
    if (errors.length > 0) {
      failed = true;
      add({ reason: 'template-invalid', message: errorText(outcome) });
    }
    for (const message of warnings ?? []) {
      problems.warnings.push({ reason: 'template-invalid', message, origin: request.span.range });
    }
  }
  return { type: request.type, kind, options, values: decoded.values, failed, span: request.span };
}

/** Packer puts the place of what is wrong in a step's block into the text; ours has the place besides. */
function labelled(failure: Failure, label: string | undefined): Failure {
  if (label === undefined || failure.origin === undefined) return failure;
  const { file, line, column, endColumn } = failure.origin;
  const [summary = '', ...detail] = failure.message.split(': ');
  const words = detail.join(': ');
  return {
    ...failure,
    message: `${file}:${line},${column}-${endColumn ?? column + 1}: ${summary}; ${words.charAt(0).toUpperCase()}${words.slice(1)}`,
  };
}

function buildFunctions(request: ComponentRequest): GoFunctions {
  const extra: GoFunctions =
    request.role === 'provisioner' || request.role === 'post-processor'
      ? new Map([['build', { arity: [1, 1] as const, call: request.buildFact }]])
      : new Map();
  return engineFunctions({ ...request.facts, extra });
}
