import { FailureError } from '../../../diagnostics/failure.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Attribute, Block, Expression } from '../syntax/ast.ts';
import { UNKNOWN, itemsOf } from '../values/value.ts';
import { type Problems, hasLabels, readBody, textAttribute } from './body.ts';
import type {
  BuildBlock,
  BuildSource,
  ComponentBlock,
  RequiredPlugin,
  RequiredVersion,
} from './parsed-template.ts';
import { readRequiredPlugins } from './required-plugins.ts';

/** Reads `source` or `data` blocks; two may not share type and name. */
export function readComponents(blocks: readonly Block[], problems: Problems): ComponentBlock[] {
  const found = new Map<string, ComponentBlock>();
  for (const block of blocks) {
    const [type = '', name = ''] = block.labels.map((label) => label.value);
    const earlier = found.get(`${type}.${name}`);
    if (earlier === undefined) {
      found.set(`${type}.${name}`, { type, name, span: block.headerSpan, body: block.body });
      continue;
    }
    problems.add({
      reason: 'duplicate-name',
      message: `Duplicate ${block.name} block: a ${block.name} "${type}" named "${name}" already exists.`,
      origin: block.headerSpan.range,
      related: [{ message: 'It was first defined here.', range: earlier.span.range }],
    });
  }
  return [...found.values()];
}

const STEPS = ['provisioner', 'error-cleanup-provisioner', 'post-processor', 'post-processors'];
const BUILD = {
  attributes: ['name', 'description', 'sources'],
  blocks: [...STEPS, 'source', 'hcp_packer_registry'],
};

/** Reads a `build` block; the bodies of its steps stay as they are. */
export function readBuild(
  block: Block,
  sources: readonly ComponentBlock[],
  context: EvaluationContext,
  problems: Problems,
): BuildBlock {
  const attributes = readBody(block.body, BUILD, problems);
  const inner = block.body.items.filter((item) => item.type === 'block');
  for (const step of inner) {
    if (STEPS.includes(step.name)) hasLabels(step, step.name === 'post-processors' ? [] : ['type'], problems);
  }
  const cleanups = inner.filter((item) => item.name === 'error-cleanup-provisioner');
  if (cleanups[1] !== undefined) {
    problems.add({
      reason: 'duplicate-name',
      message: 'Only one error-cleanup-provisioner is allowed per build.',
      origin: cleanups[1].headerSpan.range,
    });
  }
  const listed = attributes.get('sources');
  const used = [
    ...(listed === undefined ? [] : (problems.attempt(() => listedSources(listed, context)) ?? [])),
    ...inner.flatMap((item) => (item.name === 'source' ? blockSource(item, context, problems) : [])),
  ];
  for (const source of used) checkSource(source, block, sources, problems);
  return {
    name: problems.attempt(() => textAttribute(attributes.get('name'), context)),
    description: problems.attempt(() => textAttribute(attributes.get('description'), context)) ?? '',
    sources: used,
    steps: inner.filter((item) => STEPS.includes(item.name)),
    registry: inner.find((item) => item.name === 'hcp_packer_registry'),
    span: block.headerSpan,
  };
}

/** Packer names the place of the build; the place inside it comes after. */
function checkSource(
  source: BuildSource,
  build: Block,
  sources: readonly ComponentBlock[],
  problems: Problems,
): void {
  if (sources.some(({ type, name }) => type === source.type && name === source.name)) return;
  const known = sources.map(({ type, name }) => `${type}.${name}`);
  problems.add({
    reason: 'template-invalid',
    message: `Unknown source ${source.type}.${source.name}: Known: [${known.join(' ')}]`,
    origin: build.headerSpan.range,
    related: [{ message: 'The build uses it here.', range: source.span.range }],
    ...didYouMean(`${source.type}.${source.name}`, known),
  });
}

function listedSources(attribute: Attribute, context: EvaluationContext): BuildSource[] {
  const items = attribute.value.type === 'tuple' ? attribute.value.items : [attribute.value];
  const isList = attribute.value.type === 'tuple';
  return items.flatMap((item) =>
    sourceTexts(item, context, isList).map((text) => ({
      ...splitReference(text, item),
      localName: undefined,
      body: undefined,
      span: item.span,
    })),
  );
}

/** The texts of a list, or of one item in it. */
function sourceTexts(item: Expression, context: EvaluationContext, isItem: boolean): string[] {
  const result = captureEvaluation(item.span, () => evaluate(item, context));
  if (!result.ok) throw new FailureError(...result.failures);
  // What is unknown has its own failure, or will be told by a data source.
  if (result.value.data === UNKNOWN) return [];
  const values = isItem ? [result.value] : itemsOf(result.value);
  return (values ?? [undefined]).map((value) => {
    if (value !== undefined && typeof value.data === 'string') return value.data;
    throw new FailureError({
      reason: 'template-invalid',
      message: 'Unsuitable value type: unsuitable value: list of string required.',
      origin: item.span.range,
      hint: 'Name sources like ["source.type.name"].',
    });
  });
}

/** `source.type.name`, `sources.type.name` and `type.name` all name one source. */
function splitReference(text: string, place: Expression): { type: string; name: string } {
  const parts = text.split('.');
  const [type = '', name = '', ...more] =
    parts[0] === 'source' || parts[0] === 'sources' ? parts.slice(1) : parts;
  if (type !== '' && name !== '' && more.length === 0) return { type, name };
  throw new FailureError({
    reason: 'template-invalid',
    message: `Invalid source reference ${JSON.stringify(text)}: a source is named by its type and its name.`,
    origin: place.span.range,
    hint: 'Write source.TYPE.NAME.',
  });
}

function blockSource(block: Block, context: EvaluationContext, problems: Problems): BuildSource[] {
  const label = block.labels[0];
  if (!hasLabels(block, ['reference'], problems) || label === undefined) return [];
  const reference = problems.attempt(() =>
    splitReference(label.value, { type: 'keyword', span: label.span, value: null }),
  );
  if (reference === undefined) return [];
  const nameAttribute = block.body.items.find((item) => item.type === 'attribute' && item.name === 'name');
  const localName =
    nameAttribute?.type === 'attribute'
      ? problems.attempt(() => textAttribute(nameAttribute, context))
      : undefined;
  return [{ ...reference, localName, body: block.body, span: block.headerSpan }];
}

const PACKER = { attributes: ['required_version'], blocks: ['required_plugins'] };

/** Reads a `packer` block: the versions it asks for. */
export function readPacker(
  block: Block,
  context: EvaluationContext,
  problems: Problems,
): { versions: RequiredVersion[]; plugins: RequiredPlugin[] } {
  const required = readBody(block.body, PACKER, problems).get('required_version');
  const constraint = problems.attempt(() => textAttribute(required, context));
  return {
    versions:
      required === undefined || constraint === undefined ? [] : [{ constraint, span: required.value.span }],
    plugins: block.body.items.flatMap((item) =>
      item.type === 'block' && item.name === 'required_plugins'
        ? readRequiredPlugins(item, context, problems)
        : [],
    ),
  };
}
