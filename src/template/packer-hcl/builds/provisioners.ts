import type { Failure } from '../../../diagnostics/failure.ts';
import type { Block } from '../syntax/ast.ts';
import { PROVISIONER_META, durationMeta, readMeta, skips } from './meta.ts';
import type { BuildWork } from './prepare-builds.ts';
import { checkOnce } from './once.ts';
import { prepareComponent } from './prepare-component.ts';
import type { PreparedProvisioner } from './prepared.ts';

/** A provisioner block for one source; nothing when `only` or `except` leave it out there. */
export function prepareProvisioner(block: Block, work: BuildWork): PreparedProvisioner[] {
  const [label] = block.labels;
  if (label === undefined) return [];
  const meta = readMeta(block, PROVISIONER_META, work.context);
  const failures = [...meta.failures];
  const pauseBeforeMs = durationMeta('pause_before', meta, block, failures);
  const timeoutMs = durationMeta('timeout', meta, block, failures);
  const override = overrideFor(block, meta.options['override'], work.sourceName, failures);
  for (const failure of failures) work.problems.add(failure);
  if (skips(meta, `${work.source.type}.${work.sourceName}`)) return [];
  const component = checkOnce(block, work, () =>
    prepareComponent(
      {
        role: 'provisioner',
        type: label.value,
        label: `provisioner-block ${JSON.stringify(label.value)} ${JSON.stringify(meta.name)}`,
        span: block.headerSpan,
        typeSpan: label.span,
        body: withoutMeta(block),
        meta: new Map(),
        ...(override && { override }),
        context: work.context,
        world: work.world,
        facts: work.facts,
        buildFact: work.buildFact,
        plugins: work.plugins,
      },
      work.problems,
    ),
  );
  const retries = meta.options['max_retries'];
  return [
    {
      ...component,
      name: meta.name,
      pauseBeforeMs,
      timeoutMs: pauseBeforeMs === 0 ? timeoutMs : 0,
      maxRetries: typeof retries === 'number' ? retries : 0,
      continueOnError: meta.options['continue_on_error'] === true,
    },
  ];
}

const withoutMeta = (block: Block): Block['body'] => ({
  ...block.body,
  items: block.body.items.filter((item) => item.type === 'block' || !PROVISIONER_META.has(item.name)),
});

function overrideFor(
  block: Block,
  override: unknown,
  sourceName: string,
  failures: Failure[],
): Readonly<Record<string, unknown>> | undefined {
  if (override === undefined || override === '<unknown>') return undefined;
  const wrong = (message: string): undefined => {
    failures.push({ reason: 'template-invalid', message, origin: block.headerSpan.range });
    return undefined;
  };
  if (!isRecord(override)) return wrong("provisioner's override block must be an HCL object");
  const bad = Object.entries(override).find(([, options]) => !isRecord(options));
  if (bad !== undefined) return wrong(`provisioner's override.'${bad[0]}' block must be an HCL object`);
  const found = override[sourceName];
  return isRecord(found) ? found : undefined;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
