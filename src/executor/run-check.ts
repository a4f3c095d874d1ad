import { FailureError, unwrap } from '../diagnostics/failure.ts';
import { formatOfFile } from '../model/bootable.ts';
import type { GraphNode } from '../model/graph.ts';
import { stepContext } from '../plan/describe.ts';
import { identifyProcess } from '../util/process-identity.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

/** Runs a check against an exported image. */
export async function runCheck(
  node: GraphNode & { role: 'check' },
  scope: NodeScope,
  services: ExecutorServices,
): Promise<void> {
  const kind = services.kinds.checks.mustGet(node.check.type);
  const artifact = services.prober.output(node.from);
  if (artifact?.type !== 'artifact') throw new Error(`${node.from} has no file`);
  const strikes: (() => void)[] = [];
  try {
    const result = await kind.run(node.check.options, {
      pipeline: node.pipeline,
      image: { path: artifact.path, format: formatOfFile(artifact.path) },
      scratch: scope.scratch,
      signal: scope.signal,
      log: scope.log,
      status: scope.status,
      ledger: ({ pid, what }) => {
        const process = identifyProcess(pid);
        if (process !== undefined) strikes.push(services.journal.add({ type: 'process', process, what }));
        return Promise.resolve();
      },
      resolvePath: stepContext(node.pipeline).resolvePath,
    });
    if (!result.ok) {
      throw new FailureError(
        ...result.failures.map((failure) => ({ origin: node.origin, stepId: node.id, ...failure })),
      );
    }
    unwrap(result);
  } finally {
    for (const strike of strikes) strike();
  }
}
