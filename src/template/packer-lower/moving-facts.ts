import { lateValue } from '../../model/late-value.ts';
import type { ComponentOptions } from '../packer-kinds/component.ts';
import { type GoNode, type GoPipeline, parseGoTemplate } from '../packer-hcl/go-template/parse-go.ts';
import { SourceText } from '../packer-hcl/syntax/source-text.ts';

/** The fact that names the run. */
export const RUN_FACT = 'PackerRunUUID';

/** Facts under `build.` that are others for every machine: names of containers, generated ports, temporary keys. */
const MACHINE_FACTS: ReadonlySet<string> = new Set([
  'ID',
  'PackerHTTPAddr',
  'PackerHTTPPort',
  'Port',
  'SSHPrivateKey',
  'SSHPublicKey',
]);

/** Whether a fact under `build.` differs from run to run. */
export const isMovingFact = (name: string): boolean => name === RUN_FACT || MACHINE_FACTS.has(name);

const OTHER = 'other ';

/** Stands for a fact as it may be in another run. */
export const otherFact = (name: string): string =>
  lateValue('build', isMovingFact(name) ? OTHER + name : name);

/**
 * The options of another run with the machine's own facts as in this one: those stand in them by their names. What
 * differs still is made of clock, dice, the run's name, or a fact that a function has changed.
 */
export function withSameMachine(options: ComponentOptions): ComponentOptions {
  let text = JSON.stringify(options);
  for (const name of MACHINE_FACTS)
    text = text.replaceAll(lateValue('build', OTHER + name), lateValue('build', name));
  return JSON.parse(text) as ComponentOptions;
}

/** Functions of `{{ … }}` that give something else in every run. */
const MOVING_FUNCTIONS: ReadonlySet<string> = new Set(['isotime', 'strftime', 'timestamp', 'uuid']);

/**
 * Whether a text that is rendered when its step runs gives something else in every run.
 * @param isMoving tells of the names behind `{{ build … }}` and the dot
 */
export function rendersMoving(text: string, isMoving: (fact: string) => boolean): boolean {
  if (!text.includes('{{')) return false;
  const parsed = parseGoTemplate(new SourceText('<text>', text));
  if (!parsed.ok) return false;
  const { nodes, definitions } = parsed.value;
  const inPipeline = ({ commands }: GoPipeline): boolean =>
    commands.some(({ operands }) =>
      operands.some((operand, index) => {
        if (operand.type === 'pipeline') return inPipeline(operand.pipeline);
        if (operand.type !== 'function') return operand.fields.some(isMoving);
        if (operand.name !== 'build') return MOVING_FUNCTIONS.has(operand.name);
        const fact = operands[index + 1];
        // A name that is made by the template may be any.
        return fact?.type !== 'literal' || isMoving(String(fact.value));
      }),
    );
  const inNodes = (list: readonly GoNode[]): boolean =>
    list.some(
      (node) =>
        ('pipeline' in node && node.pipeline !== undefined && inPipeline(node.pipeline)) ||
        ('whenTrue' in node && (inNodes(node.whenTrue) || inNodes(node.otherwise))),
    );
  return inNodes(nodes) || [...definitions.values()].some(inNodes);
}
