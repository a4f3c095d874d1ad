import type { Failure } from '../../../diagnostics/failure.ts';
import { shapesOf } from '../../packer-kinds/shape.ts';
import { REGISTRY_SCHEMA } from '../../packer-kinds/registry.ts';
import { Problems } from '../load/body.ts';
import type { ParsedPackerTemplate } from '../load/parsed-template.ts';
import type { Block } from '../syntax/ast.ts';
import { decodeBody } from './decode-body.ts';

const LABEL = 'hcp_packer_registry';

/** Checks the blocks for the registry of HCP Packer. Nothing is ever sent there. */
export function checkRegistries(template: ParsedPackerTemplate): Problems {
  const problems = new Problems();
  const inBuilds = template.builds.flatMap(({ registry }) => (registry === undefined ? [] : [registry]));
  const [, second] = template.registries;
  if (second !== undefined) problems.add(at(second, `Only one ${LABEL} is allowed`));
  const extra = template.registries.length > 0 ? inBuilds[0] : inBuilds[1];
  if (extra !== undefined) {
    problems.add(
      at(
        extra,
        `Multiple HCP Packer registry block declaration: Multiple ${LABEL} blocks have been found, only one can be defined in HCL2 templates. Starting with Packer 1.12.1, it is recommended to move it to the top-level configuration instead of within a build block.`,
      ),
    );
  }
  for (const block of [...template.registries, ...inBuilds]) checkRegistry(block, template, problems);
  return problems;
}

function checkRegistry(block: Block, template: ParsedPackerTemplate, problems: Problems): void {
  const { options, failures } = decodeBody(block.body, shapesOf(REGISTRY_SCHEMA), template.context);
  problems.failures.push(...failures);
  const name = options['bucket_name'];
  const description = options['description'];
  if (typeof description === 'string' && description.length > 255) {
    problems.add(at(block, `${LABEL}.description should have a maximum length of 255 characters`));
  }
  if (typeof name === 'string' && name !== '' && name !== '<unknown>' && !/^[a-zA-Z0-9-]{3,36}$/.test(name)) {
    problems.add(
      at(block, `${LABEL}.bucket_name can only contain between 3 and 36 ASCII letters, numbers and hyphens`),
    );
  }
  if (options['labels'] !== undefined && options['bucket_labels'] !== undefined) {
    problems.add(
      at(
        block,
        `${LABEL}.labels and ${LABEL}.bucket_labels are mutually exclusive; please use the recommended argument ${LABEL}.bucket_labels`,
      ),
    );
  }
}

const at = (block: Block, message: string): Failure => ({
  reason: 'template-invalid',
  message,
  origin: block.headerSpan.range,
});
