import { type Failure, FailureError } from '../../../diagnostics/failure.ts';
import type { SourceRange } from '../../../diagnostics/source-range.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { type EvaluationContext, Scope, captureEvaluation } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { FUNCTIONS } from '../functions/function-table.ts';
import type { Attribute, File } from '../syntax/ast.ts';
import { parseExpressionText } from '../syntax/parse-file.ts';
import { SourceText } from '../syntax/source-text.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL } from '../values/type.ts';
import {
  UNKNOWN,
  type Value,
  markSensitive,
  objectValue,
  stringValue,
  unknownValue,
} from '../values/value.ts';
import type { Problems } from './body.ts';
import { textsOf } from './secret-texts.ts';
import type { PackerVariable, VariableDeclaration, VariableOrigin } from './parsed-template.ts';

interface Assignment {
  readonly value: Value;
  readonly from: VariableOrigin;
  readonly range: SourceRange | undefined;
}

/** What Packer calls the places that a value comes from. */
const FROM: Readonly<Record<VariableOrigin, string>> = {
  unset: 'unset',
  default: 'default',
  environment: 'env',
  file: 'varfile',
  'command-line': 'cmd',
};

/** Gives declared variables their values; a later assignment beats an earlier one. */
export class VariableAssignments {
  /** Every text given for a sensitive variable, also one that another beats or that does not fit its type. */
  readonly secrets: string[] = [];
  readonly #assigned = new Map<string, Assignment>();
  readonly #declared: ReadonlyMap<string, VariableDeclaration>;
  readonly #problems: Problems;
  readonly #context: EvaluationContext;

  constructor(
    declared: ReadonlyMap<string, VariableDeclaration>,
    problems: Problems,
    world: EvaluationContext['world'],
  ) {
    this.#declared = declared;
    this.#problems = problems;
    this.#context = { variables: new Scope(new Map()), functions: new Map(), world };
  }

  /** `PKR_VAR_name` of the environment; names that are not declared are not for us. */
  fromEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
    for (const [key, text] of Object.entries(environment)) {
      const declaration = key.startsWith('PKR_VAR_')
        ? this.#declared.get(key.slice('PKR_VAR_'.length))
        : undefined;
      if (declaration !== undefined && text !== undefined) this.#fromText(declaration, text, 'environment');
    }
  }

  /** The attributes of a file of values. An undeclared name is a warning, a `variable` block an error. */
  fromFile({ body }: File): void {
    for (const item of body.items) {
      if (item.type === 'block') {
        const label = item.labels[0]?.value ?? 'name';
        const wrongPlace = item.name === 'variable';
        this.#problems.add({
          reason: 'template-invalid',
          message: wrongPlace
            ? 'Variable declaration in a .pkrvar file: such a file gives values to variables that a .pkr file declares.'
            : `Unexpected "${item.name}" block: blocks are not allowed here.`,
          origin: item.nameSpan.range,
          ...(wrongPlace && {
            hint: `Write ${label} = VALUE here, and move the declaration to a .pkr.hcl file.`,
          }),
        });
      } else this.#fromAttribute(item);
    }
  }

  /** One `-var name=text`. */
  fromCommandLine(name: string, text: string): void {
    const declaration = this.#declared.get(name);
    if (declaration !== undefined) this.#fromText(declaration, text, 'command-line');
    else {
      this.#problems.add({
        reason: 'variable-unknown',
        message: `Undefined -var variable: a "${name}" variable was passed on the command line but was not found in known variables.`,
        hint:
          didYouMean(name, this.#declared.keys()).hint ??
          'Declare it in a variable block of a .pkr.hcl file.',
      });
    }
  }

  #fromAttribute(attribute: Attribute): void {
    const declaration = this.#declared.get(attribute.name);
    if (declaration === undefined) {
      const quoted = JSON.stringify(attribute.name);
      this.#problems.warnings.push({
        reason: 'variable-unknown',
        message: `Undefined variable: The variable ${quoted} was set but was not declared as an input variable.\nTo declare variable ${quoted} place this block in one of your .pkr.hcl files, such as variables.pkr.hcl\n\nvariable ${quoted} {\n  type    = string\n  default = null\n}`,
        origin: attribute.nameSpan.range,
        ...didYouMean(attribute.name, this.#declared.keys()),
      });
      return;
    }
    const result = captureEvaluation(attribute.value.span, () => evaluate(attribute.value, this.#context));
    if (result.ok) this.#assign(declaration, result.value, 'file', attribute.value.span.range);
    else this.#problems.failures.push(...result.failures);
  }

  /** Text is a string as it stands where the type is string, number or any; else it is an expression. */
  #fromText(declaration: VariableDeclaration, text: string, from: VariableOrigin): void {
    const { kind } = declaration.type;
    if (kind === 'string' || kind === 'number' || kind === 'dynamic') {
      this.#assign(declaration, stringValue(text), from, undefined);
      return;
    }
    if (declaration.sensitive && text.trim() !== '') this.secrets.push(text);
    const where = from === 'environment' ? 'environment' : 'command line';
    const source = new SourceText(`<value for var.${declaration.name} from the ${where}>`, text);
    const parsed = parseExpressionText(source);
    if (!parsed.ok) {
      this.#problems.failures.push(
        ...parsed.failures.map((failure) => ({ ...failure, reason: 'variable-invalid' as const })),
      );
      return;
    }
    const expression = parsed.value;
    const result = captureEvaluation(expression.span, () => evaluate(expression, this.#context));
    if (result.ok) this.#assign(declaration, result.value, from, expression.span.range);
    else this.#problems.failures.push(...result.failures);
  }

  #assign(
    declaration: VariableDeclaration,
    given: Value,
    from: VariableOrigin,
    range: SourceRange | undefined,
  ): void {
    if (declaration.sensitive) this.secrets.push(...textsOf(given));
    try {
      this.#assigned.set(declaration.name, { value: convertValue(given, declaration.type), from, range });
    } catch (error) {
      if (!(error instanceof ConversionError)) throw error;
      this.#problems.add({
        reason: 'variable-invalid',
        message: `Invalid value for variable: the value for ${declaration.name} (from ${from}) is not compatible with the variable's type constraint: ${error.message}.`,
        origin: range ?? declaration.span.range,
      });
      this.#assigned.set(declaration.name, { value: unknownValue(), from, range });
    }
  }

  /** Every variable with the value it has in the end. Notes unset ones and broken validations. */
  finish(): ReadonlyMap<string, PackerVariable> {
    const variables = new Map<string, PackerVariable>();
    for (const declaration of this.#declared.values()) {
      const assigned: Assignment =
        this.#assigned.get(declaration.name) ??
        (declaration.default === undefined
          ? { value: unknownValue(declaration.type), from: 'unset', range: undefined }
          : { value: declaration.default, from: 'default', range: undefined });
      if (assigned.from === 'unset') this.#problems.add(unset(declaration));
      else this.#validate(declaration, assigned);
      variables.set(declaration.name, {
        ...declaration,
        value: markSensitive(assigned.value, declaration.sensitive),
        from: assigned.from,
      });
    }
    return variables;
  }

  #validate(declaration: VariableDeclaration, assigned: Assignment): void {
    const variable = objectValue(new Map([[declaration.name, assigned.value]]));
    const context = {
      ...this.#context,
      variables: new Scope(new Map([['var', variable]])),
      functions: FUNCTIONS,
    };
    for (const validation of declaration.validations) {
      const result = captureEvaluation(validation.condition.span, () => {
        const value = evaluate(validation.condition, context);
        if (value.data === UNKNOWN) return true;
        const truth = value.data === null ? null : convertCondition(value, validation.condition.span.range);
        if (truth === null) {
          throw new FailureError(
            invalidCondition('it must be either true or false, not null', validation.condition.span.range),
          );
        }
        return truth;
      });
      if (!result.ok) this.#problems.failures.push(...result.failures);
      else if (!result.value) {
        this.#problems.add({
          reason: 'variable-invalid',
          message: `Invalid value for ${FROM[assigned.from]} variable: ${validation.message}`,
          origin: assigned.range ?? declaration.span.range,
          related: [
            { message: 'This was checked by the validation rule here.', range: validation.span.range },
          ],
        });
      }
    }
  }
}

function convertCondition(value: Value, range: SourceRange): boolean {
  try {
    return convertValue(value, BOOL).data === true;
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    throw new FailureError(invalidCondition(error.message, range));
  }
}

const invalidCondition = (why: string, origin: SourceRange): Failure => ({
  reason: 'template-invalid',
  message: `Invalid variable validation result: ${why}.`,
  origin,
});

const unset = (declaration: VariableDeclaration): Failure => ({
  reason: 'variable-missing',
  message: `Unset variable "${declaration.name}": a used variable must be set or have a default value.`,
  origin: declaration.span.range,
  hint: `Set it with -var ${declaration.name}=VALUE, PKR_VAR_${declaration.name}, or a file of values.`,
});
