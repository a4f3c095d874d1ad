import { checkComponent, errorText } from '../../packer-kinds/check-component.ts';
import { describeMissing } from '../../packer-kinds/plugins.ts';
import { shapesOf } from '../../packer-kinds/shape.ts';
import { componentTypes, findComponent } from '../../packer-kinds/table.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { Problems } from '../load/body.ts';
import type { ParsedPackerTemplate } from '../load/parsed-template.ts';
import { decodeBody } from './decode-body.ts';

/** Checks the options of every data source against its kind, without reading any. */
export function checkDataSources(template: ParsedPackerTemplate): Problems {
  const problems = new Problems();
  const { world } = template.context;
  for (const source of template.dataSources) {
    const kind = findComponent('data-source', source.type);
    const origin = source.span.range;
    if (kind === undefined) {
      problems.add({
        reason: 'unknown-kind',
        message: `Unknown data type ${source.type}: ${describeMissing('data source', source.type, template.requiredPlugins)}`,
        origin,
        ...didYouMean(source.type, componentTypes('data-source')),
      });
      continue;
    }
    const decoded = decodeBody(source.body, shapesOf(kind.schema), template.context);
    problems.failures.push(...decoded.failures);
    if (decoded.failures.length > 0) continue;
    const outcome = checkComponent(kind, decoded.options, world);
    if (outcome.errors.length > 0)
      problems.add({ reason: 'template-invalid', message: errorText(outcome), origin });
  }
  return problems;
}
