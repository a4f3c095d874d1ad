import { FailureError } from '../../../diagnostics/failure.ts';
import { type EvaluationContext, Scope, captureEvaluation } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { DEFAULT_FUNCTIONS } from '../functions/function-table.ts';
import type { Attribute, Block, Expression } from '../syntax/ast.ts';
import { isIdentifier } from '../syntax/token.ts';
import { convertValue, ConversionError } from '../values/convert.ts';
import { parseType } from '../values/type-expression.ts';
import { DYNAMIC, type Type } from '../values/type.ts';
import { type Value, unknownValue } from '../values/value.ts';
import { type Problems, boolAttribute, readBody, textAttribute } from './body.ts';
import type { Validation, VariableDeclaration } from './parsed-template.ts';
import { referencesOf } from './references.ts';

const VARIABLE = { attributes: ['type', 'default', 'description', 'sensitive'], blocks: ['validation'] };
const VALIDATION = { attributes: ['condition', 'error_message'] };
export const BAD_NAME =
  'A name must start with a letter or underscore and may contain only letters, digits, underscores, and dashes.';

/** Reads `variable` and `variables` blocks. A default may call `env` and nothing else. */
export class VariableDeclarations {
  readonly declared = new Map<string, VariableDeclaration>();
  readonly #problems: Problems;
  readonly #context: EvaluationContext;

  constructor(problems: Problems, world: EvaluationContext['world']) {
    this.#problems = problems;
    this.#context = { variables: new Scope(new Map()), functions: DEFAULT_FUNCTIONS, world };
  }

  add(block: Block): void {
    if (block.name === 'variable') {
      this.#declare(block.labels[0]?.value ?? '', block.headerSpan, () => this.#read(block));
      return;
    }
    for (const item of block.body.items) {
      if (item.type === 'attribute') this.#declare(item.name, item.nameSpan, () => this.#readLegacy(item));
      else
        this.#problems.add({
          reason: 'unknown-option',
          message: `Unsupported block type: a variables block holds only NAME = DEFAULT.`,
          origin: item.nameSpan.range,
        });
    }
  }

  #declare(name: string, span: Block['span'], read: () => VariableDeclaration): void {
    const earlier = this.declared.get(name);
    if (earlier !== undefined) {
      this.#problems.add({
        reason: 'duplicate-name',
        message: `Duplicate variable: duplicate "${name}" variable definition found.`,
        origin: span.range,
        related: [{ message: 'It was first defined here.', range: earlier.span.range }],
      });
      return;
    }
    if (!isIdentifier(name)) {
      this.#problems.add({
        reason: 'template-invalid',
        message: `Invalid variable name: "${name}": ${BAD_NAME}`,
        origin: span.range,
      });
    }
    const declaration = this.#problems.attempt(read);
    const failed: VariableDeclaration = {
      name,
      span,
      type: DYNAMIC,
      description: '',
      sensitive: false,
      default: unknownValue(),
      validations: [],
    };
    this.declared.set(name, declaration ?? failed);
  }

  #readLegacy(attribute: Attribute): VariableDeclaration {
    const value = this.#evaluate(attribute.value);
    const { name, nameSpan: span } = attribute;
    return {
      name,
      span,
      type: value.type,
      description: '',
      sensitive: false,
      default: value,
      validations: [],
    };
  }

  #read(block: Block): VariableDeclaration {
    const attributes = readBody(block.body, VARIABLE, this.#problems);
    const name = block.labels[0]?.value ?? '';
    const typeAttribute = attributes.get('type');
    const evaluateDefault = (expression: Expression): Value => this.#evaluate(expression);
    const declared =
      typeAttribute === undefined
        ? DYNAMIC
        : parseType(typeAttribute.value, { constraint: true, evaluateDefault });
    const defaultAttribute = attributes.get('default');
    const fallback = defaultAttribute === undefined ? undefined : this.#default(defaultAttribute, declared);
    return {
      name,
      span: block.headerSpan,
      type: declared.kind === 'dynamic' && fallback !== undefined ? inferred(fallback.type) : declared,
      description: textAttribute(attributes.get('description'), this.#context) ?? '',
      sensitive: boolAttribute(attributes.get('sensitive'), this.#context),
      default: fallback,
      validations: block.body.items.flatMap((item) =>
        item.type === 'block' && item.name === 'validation' ? this.#validation(name, item) : [],
      ),
    };
  }

  #default(attribute: Attribute, type: Type): Value {
    const value = this.#evaluate(attribute.value);
    try {
      return convertValue(value, type);
    } catch (error) {
      if (!(error instanceof ConversionError)) throw error;
      throw new FailureError({
        reason: 'variable-invalid',
        message: `Invalid default value for variable: this default value is not compatible with the variable's type constraint: ${error.message}.`,
        origin: attribute.value.span.range,
      });
    }
  }

  #evaluate(expression: Expression): Value {
    const result = captureEvaluation(expression.span, () => evaluate(expression, this.#context));
    if (result.ok) return result.value;
    throw new FailureError(
      ...result.failures.map((failure) => ({
        ...failure,
        hint: failure.hint ?? 'A default may not refer to other values; use a local for that.',
      })),
    );
  }

  #validation(name: string, block: Block): Validation[] {
    const attributes = readBody(block.body, VALIDATION, this.#problems);
    const condition = attributes.get('condition');
    const messageAttribute = attributes.get('error_message');
    if (condition === undefined || messageAttribute === undefined) {
      this.#problems.add({
        reason: 'template-invalid',
        message: `Missing required argument: the argument "${condition === undefined ? 'condition' : 'error_message'}" is required in a validation block.`,
        origin: block.headerSpan.range,
      });
      return [];
    }
    const message = this.#problems.attempt(() => textAttribute(messageAttribute, this.#context)) ?? '';
    if (!isSentence(message)) {
      this.#problems.add({
        reason: 'template-invalid',
        message:
          'Invalid validation error message: it must be at least one full sentence, starting with an uppercase letter and ending with a period, question mark or exclamation point.',
        origin: messageAttribute.value.span.range,
      });
    }
    return this.#checkReferences(name, condition.value)
      ? [{ condition: condition.value, message, span: block.headerSpan }]
      : [];
  }

  #checkReferences(name: string, condition: Expression): boolean {
    const references = referencesOf(condition);
    const foreign = references.find(({ root, path }) => root !== 'var' || path[0] !== name);
    if (foreign === undefined && references.length > 0) return true;
    this.#problems.add({
      reason: 'template-invalid',
      message:
        foreign === undefined
          ? `Invalid variable validation condition: the condition for variable "${name}" must refer to var.${name} in order to test incoming values.`
          : `Invalid reference in variable validation: the condition for variable "${name}" can only refer to the variable itself, using var.${name}.`,
      origin: (foreign?.span ?? condition.span).range,
    });
    return false;
  }
}

/** The type of `[]` and `{}` says nothing about the values to come. */
function inferred(type: Type): Type {
  const empty =
    (type.kind === 'tuple' && type.elements.length === 0) ||
    (type.kind === 'object' && type.attributes.size === 0);
  return empty ? DYNAMIC : type;
}

function isSentence(text: string): boolean {
  const trimmed = text.trim();
  const first = String.fromCodePoint(trimmed.codePointAt(0) ?? 32);
  return !/^\p{L}/u.test(first) || /^\p{Lu}/u.test(first) ? /[.?!]$/.test(trimmed) : false;
}
