import type { Failure } from '../diagnostics/failure.ts';
import type { ExportSpec, Pipeline } from '../model/pipeline.ts';
import type { Kinds } from '../schema/kinds.ts';
import { locateOption } from '../schema/locator.ts';
import { canonicalJson } from '../util/canonical-json.ts';

const nameOf = (pipeline: Pipeline): string => pipeline.builder?.type ?? 'rootfs';

/** Whether a pipeline can begin with another one's image; a failure says why not. */
export function fitsBase(pipeline: Pipeline, base: Pipeline, failures: Failure[]): boolean {
  const isSame = pipeline.builder?.type === base.builder?.type;
  if (!isSame && base.builder === undefined) return true;
  const sameMachine =
    isSame && canonicalJson(pipeline.builder?.options ?? {}) === canonicalJson(base.builder?.options ?? {});
  if (sameMachine) return true;
  failures.push({
    reason: 'template-invalid',
    message: isSame
      ? `pipeline ${pipeline.id} goes on with the machine of ${base.id}, whose \`builder\` has other options`
      : `pipeline ${pipeline.id} (builder ${nameOf(pipeline)}) cannot begin with ${base.id} (builder ${nameOf(base)})`,
    origin: pipeline.builder?.origin ?? locateOption(pipeline.source, 'name'),
    related: [{ message: `The builder of ${base.id}.`, range: base.builder?.origin ?? base.origin }],
    hint: isSame
      ? 'A kept state belongs to one machine: give both the same options.'
      : 'A virtual machine can begin with an image made of layers, not the other way round.',
  });
  return false;
}

/** In a machine steps run one after the other on one state: none of them can leave out what others did. */
export function hasNoNeeds(pipeline: Pipeline, failures: Failure[]): boolean {
  const step = pipeline.steps.find(({ needs }) => needs !== undefined);
  if (step === undefined) return true;
  failures.push({
    reason: 'template-invalid',
    message: `step "${step.name}": \`needs\` has no meaning with the builder ${nameOf(pipeline)}`,
    origin: locateOption(step, 'needs'),
    hint: 'Its steps run in the written order, each on the state that the one before it left.',
  });
  return false;
}

/** Whether an export can be made of what the pipeline's builder gives; a failure says why not. */
export function fitsBuilder(
  pipeline: Pipeline,
  item: ExportSpec,
  kinds: Pick<Kinds, 'exports' | 'builders'>,
  failures: Failure[],
): boolean {
  const { input } = kinds.exports.mustGet(item.type);
  const { builder } = pipeline;
  const hasDisk = builder === undefined || kinds.builders.mustGet(builder.type).disk;
  const fits = input === 'disk' ? hasDisk : (input === 'layers') === (builder === undefined);
  if (fits) return true;
  const wants = { disk: 'a disk', layers: 'layers of files', machine: 'a machine of its own' }[input];
  failures.push({
    reason: 'template-invalid',
    message: `export "${item.name}" (${item.type}) needs ${wants}, which the builder ${nameOf(pipeline)} does not give`,
    origin: locateOption(item, 'type'),
  });
  return false;
}
