import type { Failure } from '../diagnostics/failure.ts';
import { artifactFileName, exportFileName, isIndexName } from '../exporters/output.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Descriptions } from './describe.ts';
import type { Kinds } from './kinds.ts';

type FileNode = GraphNode & { role: 'export' | 'post' };

/** Exports and post-processors that would write the same file of an output folder, as far as their names are known. */
export function sameFileNames(
  { nodes }: PipelineGraph,
  descriptions: Descriptions,
  kinds: Pick<Kinds, 'exports' | 'posts'>,
): Failure[] {
  const names = new FileNames();
  for (const node of nodes) {
    if (node.role === 'export') {
      const kind = kinds.exports.mustGet(node.export.type);
      const extension = descriptions.get(node.id)?.artifact?.extension ?? '';
      // What a machine gives may be no file, or lie where an option says.
      const isKnown = kind.input !== 'machine';
      names.addExport(
        node,
        extension,
        isKnown && { isFolder: kind.isFolder?.(node.export.options) ?? false },
      );
    } else if (node.role === 'post') {
      const kind = kinds.posts.mustGet(node.post.type);
      names.addPost(node, (...files) => kind.writes?.(node.post.options, ...files), kind.keepInput.default);
    }
  }
  return names.failures;
}

class FileNames {
  readonly failures: Failure[] = [];
  /** Who writes a file, by pipeline and name. */
  readonly #taken = new Map<string, FileNode>();
  /** Names of the files of a node's artifact, and whether the image is a folder; none where they are not known. */
  readonly #files = new Map<NodeId, readonly [names: readonly string[], isFolder: boolean]>();

  addExport(
    node: GraphNode & { role: 'export' },
    extension: string,
    known: { readonly isFolder: boolean } | false,
  ): void {
    const { pipeline, export: item } = node;
    const name = exportFileName({ pipeline, item, extension });
    if (known !== false) this.#files.set(node.id, [[name], known.isFolder]);
    this.#claim(node, name);
    if (item.latest !== true) return;
    const { fileName: _, ...plain } = item;
    this.#claim(node, artifactFileName(pipeline.id, { ...plain, suffix: '-latest' }, extension));
  }

  addPost(
    node: GraphNode & { role: 'post' },
    writes: (names: readonly string[], isFolder: boolean) => readonly string[] | undefined,
    addsFiles: boolean,
  ): void {
    const files = this.#files.get(node.from);
    if (files === undefined) return;
    const written = writes(...files);
    if (written === undefined) return;
    this.#files.set(node.id, addsFiles ? [[...files[0], ...written], files[1]] : [written, false]);
    for (const name of new Set(written)) this.#claim(node, name);
  }

  #claim(node: FileNode, name: string): void {
    // What does not stay lies in a folder of its own.
    if (node.transient === true || node.pipeline.elsewhere === true) return;
    const id = `${node.pipeline.id}/${name}`;
    const first = this.#taken.get(id);
    if (first === undefined && !isIndexName(name)) {
      this.#taken.set(id, node);
      return;
    }
    const areExports = node.role === 'export' && first?.role === 'export';
    const both = areExports
      ? `the exports "${first.name}" and "${node.name}"`
      : `"${first?.name}" and "${node.name}"`;
    this.failures.push({
      reason: 'duplicate-name',
      message:
        first === undefined
          ? `"${node.name}" of ${node.pipeline.id} would write ${name}, which imgpipe itself writes`
          : `${both} of ${node.pipeline.id} would both write ${name}`,
      origin: node.origin,
      ...(first === undefined ? {} : { related: [{ message: 'the first one', range: first.origin }] }),
      hint: areExports
        ? 'Give one of them another `name` or `fileName`.'
        : first === undefined
          ? 'Give its file another name.'
          : 'Leave one of them out, or give its file another name.',
    });
  }
}
