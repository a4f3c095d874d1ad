import { lowerPacker, type LoweredPacker, type LowerOptions } from '../packer-lower/lower.ts';
import type { PackerInput } from '../packer-lower/packer-build.ts';
import { isExplained, markOf, type MarkedInput } from './option-texts.ts';

/** Variables that can stay variables, and the template as it reads with a mark for each of them. */
export interface FoundInputs {
  readonly inputs: readonly MarkedInput[];
  readonly marked: LoweredPacker;
  /** Those whose value decides more than a text: it is written out. */
  readonly decided: readonly PackerInput[];
}

/**
 * Finds the variables whose values only stand in texts of options. The template is read again with a mark in the place
 * of each value; nothing is known of the language.
 */
export function findInputs(options: LowerOptions, lowered: LoweredPacker): FoundInputs {
  const { reader } = options;
  const read = (inputs: readonly MarkedInput[]): LoweredPacker =>
    lowerPacker({
      ...options,
      reader: reader.withValues(new Map(inputs.map(({ name, mark }) => [name, mark]))),
      tolerant: true,
    });
  const candidates = reader.inputs.flatMap((input, index): MarkedInput[] =>
    input.value === undefined ? [] : [{ name: input.name, value: input.value, mark: markOf(index) }],
  );
  const all = read(candidates);
  const isFine = (marked: LoweredPacker, inputs: readonly MarkedInput[]): boolean =>
    sameShape(lowered, marked) &&
    [...lowered.written].every(([id, { symbolic }]) =>
      isExplained(symbolic, marked.written.get(id)?.symbolic, inputs),
    );
  if (isFine(all, candidates))
    return { inputs: candidates, marked: all, decided: rest(reader.inputs, candidates) };
  const inputs = candidates.filter((input) => isFine(read([input]), [input]));
  const marked = read(inputs);
  if (isFine(marked, inputs)) return { inputs, marked, decided: rest(reader.inputs, inputs) };
  return { inputs: [], marked: lowered, decided: reader.inputs };
}

const rest = (all: readonly PackerInput[], inputs: readonly MarkedInput[]): PackerInput[] =>
  all.filter(({ name }) => !inputs.some((input) => input.name === name));

/** Whether two readings have the same builds with the same parts, but for the texts of their options. */
function sameShape(one: LoweredPacker, other: LoweredPacker): boolean {
  const shape = ({ template }: LoweredPacker): string =>
    JSON.stringify(
      template.pipelines.map(({ id, name, builder, source, steps, cleanup, exports }) => [
        id,
        name,
        builder?.type,
        source.type,
        [...steps, ...(cleanup === undefined ? [] : [cleanup])].map((step) => [
          step.type,
          step.name,
          step.run,
        ]),
        exports.map((item) => [
          item.type,
          (item.chains ?? []).map((chain) => chain.map((post) => [post.type, post.name])),
        ]),
      ]),
    );
  return shape(one) === shape(other);
}
