import type { Block } from '../syntax/ast.ts';
import { hasLabels } from '../load/body.ts';
import { matchesGlob } from './globs.ts';
import { POST_PROCESSOR_META, readMeta, skips } from './meta.ts';
import type { BuildWork } from './prepare-builds.ts';
import { checkOnce } from './once.ts';
import { prepareComponent } from './prepare-component.ts';
import type { PreparedPostProcessor } from './prepared.ts';

/** The chain of a post-processor or post-processors block; none for other blocks and for chains left out whole. */
export function preparePostProcessors(
  block: Block,
  work: BuildWork,
): readonly (readonly PreparedPostProcessor[])[] {
  const chain = chainOf(block, work);
  const prepared: PreparedPostProcessor[] = [];
  for (const item of chain) {
    const [label] = item.labels;
    if (label === undefined) continue;
    const meta = readMeta(item, POST_PROCESSOR_META, work.context);
    for (const failure of meta.failures) work.problems.add(failure);
    if (skips(meta, `${work.source.type}.${work.sourceName}`)) continue;
    const name = meta.name === '' ? label.value : meta.name;
    if (work.except.some((glob) => matchesGlob(glob, name))) {
      // Left out by the user: what follows in the chain would miss its input.
      work.exceptMatches.count += 1;
      break;
    }
    const keep = meta.options['keep_input_artifact'];
    const component = checkOnce(item, work, () =>
      prepareComponent(
        {
          role: 'post-processor',
          type: label.value,
          label: `post-processor-block ${JSON.stringify(label.value)} ${JSON.stringify(meta.name)}`,
          span: item.headerSpan,
          typeSpan: label.span,
          body: {
            ...item.body,
            items: item.body.items.filter(
              (inner) => inner.type === 'block' || !POST_PROCESSOR_META.has(inner.name),
            ),
          },
          meta: new Map(),
          context: work.context,
          world: work.world,
          facts: work.facts,
          buildFact: work.buildFact,
          plugins: work.plugins,
        },
        work.problems,
      ),
    );
    prepared.push({
      ...component,
      name: meta.name,
      keepInputArtifact: typeof keep === 'boolean' ? keep : undefined,
    });
  }
  return prepared.length > 0 ? [prepared] : [];
}

function chainOf(block: Block, { problems }: BuildWork): readonly Block[] {
  if (block.name === 'post-processor') return [block];
  if (block.name !== 'post-processors') return [];
  return block.body.items.flatMap((item) => {
    if (item.type === 'block' && item.name === 'post-processor') {
      return hasLabels(item, ['type'], problems) ? [item] : [];
    }
    const what = item.type === 'block' ? 'block type' : 'argument';
    const verb =
      item.type === 'block' ? `Blocks of type "${item.name}" are` : `An argument named "${item.name}" is`;
    problems.add({
      reason: 'unknown-option',
      message: `Unsupported ${what}: ${verb} not expected here.`,
      origin: item.nameSpan.range,
    });
    return [];
  });
}
