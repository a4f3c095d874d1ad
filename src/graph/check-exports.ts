import type { Failure } from '../diagnostics/failure.ts';
import type { ExportSpec, Pipeline } from '../model/pipeline.ts';
import { firmwareMistake } from '../model/platform.ts';
import type { Kinds } from '../schema/kinds.ts';
import { locateOption } from '../schema/locator.ts';

/** Whether an export can be made of this pipeline's disk and architecture; a failure says why not. */
export function fitsPipeline(
  pipeline: Pipeline,
  item: ExportSpec,
  kinds: Pick<Kinds, 'exports'>,
  failures: Failure[],
): boolean {
  const refusal = kinds.exports.mustGet(item.type).refuses?.(item.options, pipeline);
  if (refusal === undefined) return true;
  failures.push({
    reason: 'template-invalid',
    message: `export "${item.name}" (${item.type}): ${refusal.message}`,
    origin: locateOption(item, refusal.option ?? 'type'),
    hint: refusal.hint,
  });
  return false;
}

/** Whether the disk that is made of a pipeline's layers can start on its architecture; a failure says why not. */
export function fitsDisk(pipeline: Pipeline, failures: Failure[]): boolean {
  // That of a builder's own machine is as its system made it.
  if (pipeline.builder !== undefined) return true;
  const mistake = firmwareMistake(pipeline.architecture, pipeline.disk.firmware);
  if (mistake === undefined) return true;
  failures.push({
    reason: 'template-invalid',
    message: `disk: ${mistake.message}`,
    origin: locateOption(pipeline.disk, 'firmware'),
    hint: mistake.hint,
  });
  return false;
}
