import type { Failure } from '../diagnostics/failure.ts';
import { exportFileName } from '../exporters/output.ts';
import type { PipelineGraph } from '../model/graph.ts';
import type { Descriptions } from './describe.ts';

/** Exports of one pipeline that would write the same file. */
export function sameFileNames(graph: PipelineGraph, descriptions: Descriptions): Failure[] {
  const taken = new Map<string, { readonly name: string; readonly origin: Failure['origin'] }>();
  return graph.nodes.flatMap((node): Failure[] => {
    if (node.role !== 'export') return [];
    const { pipeline, export: item } = node;
    const extension = descriptions.get(node.id)?.artifact?.extension ?? '';
    const name = exportFileName({ pipeline, item, extension });
    const first = taken.get(`${pipeline.id}/${name}`);
    if (first === undefined) {
      taken.set(`${pipeline.id}/${name}`, { name: node.name, origin: node.origin });
      return [];
    }
    return [
      {
        reason: 'duplicate-name',
        message: `the exports "${first.name}" and "${node.name}" of ${pipeline.id} would both write ${name}`,
        origin: node.origin,
        ...(first.origin === undefined
          ? {}
          : { related: [{ message: 'the first one', range: first.origin }] }),
        hint: 'Give one of them another `name` or `fileName`.',
      },
    ];
  });
}
