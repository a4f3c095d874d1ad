import type { Failure } from '../../../diagnostics/failure.ts';
import { parseGoDuration } from '../../packer-kinds/go-duration.ts';
import type { OptionShape, OptionShapes } from '../../packer-kinds/shape.ts';
import type { EvaluationContext } from '../evaluate/context.ts';
import type { Block } from '../syntax/ast.ts';
import { BOOL, DYNAMIC, NUMBER, STRING, type Type, listOf } from '../values/type.ts';
import { type DecodedBody, decodeBody } from './decode-body.ts';
import { isConstant } from './once.ts';

const value = (type: Type): OptionShape => ({ kind: 'value', type, note: undefined });

const STEP = {
  name: value(STRING),
  only: value(listOf(STRING)),
  except: value(listOf(STRING)),
};

export const PROVISIONER_META: OptionShapes = new Map(
  Object.entries({
    ...STEP,
    override: value(DYNAMIC),
    pause_before: value(STRING),
    timeout: value(STRING),
    max_retries: value(NUMBER),
    continue_on_error: value(BOOL),
  }),
);

export const POST_PROCESSOR_META: OptionShapes = new Map(
  Object.entries({ ...STEP, keep_input_artifact: value(BOOL) }),
);

export interface StepMeta {
  readonly name: string;
  readonly only: readonly string[];
  readonly except: readonly string[];
  readonly options: DecodedBody['options'];
  readonly failures: readonly Failure[];
}

const known = new WeakMap<Block, StepMeta>();

/** Reads the options of a step that are not its kind's; once, where they are the same for every source. */
export function readMeta(block: Block, shapes: OptionShapes, context: EvaluationContext): StepMeta {
  const meta = known.get(block) ?? read(block, shapes, context);
  if (isConstant(block)) known.set(block, meta);
  return meta;
}

function read(block: Block, shapes: OptionShapes, context: EvaluationContext): StepMeta {
  const items = block.body.items.filter((item) => item.type === 'attribute' && shapes.has(item.name));
  const { options, failures } = decodeBody({ ...block.body, items }, shapes, context);
  const list = (name: string): string[] => {
    const found = options[name];
    return Array.isArray(found) ? found.map(String) : [];
  };
  const [only, except] = [list('only'), list('except')];
  const both: Failure[] =
    only.length > 0 && except.length > 0
      ? [
          {
            reason: 'template-invalid',
            message: "only one of 'only' or 'except' may be specified",
            origin: block.headerSpan.range,
          },
        ]
      : [];
  return {
    name: typeof options['name'] === 'string' ? options['name'] : '',
    only,
    except,
    options,
    failures: [...failures, ...both],
  };
}

export function skips({ only, except }: StepMeta, name: string): boolean {
  return only.length > 0 ? !only.includes(name) : except.includes(name);
}

/** Milliseconds of a span of time in a step's options; a bad one is noted. */
export function durationMeta(name: string, meta: StepMeta, block: Block, failures: Failure[]): number {
  const text = meta.options[name];
  if (typeof text !== 'string' || text === '' || text === '<unknown>') return 0;
  const parsed = parseGoDuration(text);
  if ('milliseconds' in parsed) return parsed.milliseconds;
  const place = block.body.items.find((item) => item.type === 'attribute' && item.name === name);
  failures.push({
    reason: 'template-invalid',
    message: `Failed to parse ${name} duration: ${parsed.error}`,
    origin: (place?.span ?? block.headerSpan).range,
  });
  return 0;
}
