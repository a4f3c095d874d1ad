import { Option } from 'commander';
import type { GraphNode, PipelineGraph } from '../../model/graph.ts';
import { defineCommand } from '../define-command.ts';
import { openCompiled } from '../open-project.ts';
import { addTemplateOptions, type TemplateOptions } from '../options/template-options.ts';

const FORMATS = ['tree', 'dot', 'mermaid', 'json'] as const;

interface GraphOptions extends TemplateOptions {
  readonly format: (typeof FORMATS)[number];
}

export const graphCommand = defineCommand<GraphOptions>({
  name: 'graph',
  summary: 'Print the graph of steps',
  examples: [
    { line: 'imgpipe graph', about: 'each step with the steps it needs' },
    { line: 'imgpipe graph --format=dot | dot -Tsvg > graph.svg', about: 'a picture, by Graphviz' },
  ],
  declare: (command) =>
    addTemplateOptions(command.argument('[pipelines...]', 'globs of pipeline names; default: all')).addOption(
      new Option('--format <name>', 'form of the output').choices(FORMATS).default('tree'),
    ),
  async run(context, [pipelines], options) {
    const opened = await openCompiled(context, pipelines as string[], options);
    if (!opened.ok) return opened;
    const { graph } = opened.value.compiled;
    context.stdout.write(`${FORMATTERS[options.format](graph)}\n`);
    return 0;
  },
});

const FORMATTERS: Record<GraphOptions['format'], (graph: PipelineGraph) => string> = {
  tree: (graph) =>
    graph.nodes
      .map((node) => {
        const needs = needsOf(graph, node);
        return `${node.id}  ${node.role}${needs.length === 0 ? '' : `  needs ${needs.join(', ')}`}`;
      })
      .join('\n'),
  dot: (graph) =>
    [
      'digraph imgpipe {',
      '  rankdir=LR;',
      '  node [shape=box, fontname="sans-serif"];',
      ...graph.nodes.map((node) => `  ${quote(node.id)} [label=${quote(node.name)}];`),
      ...graph.nodes.flatMap((node) =>
        needsOf(graph, node).map((need) => `  ${quote(need)} -> ${quote(node.id)};`),
      ),
      '}',
    ].join('\n'),
  mermaid: (graph) => {
    const names = new Map(graph.nodes.map((node, index) => [node.id as string, `n${index}`]));
    return [
      'flowchart LR',
      ...graph.nodes.map((node) => `  ${names.get(node.id)}["${node.id.replaceAll('"', '#quot;')}"]`),
      ...graph.nodes.flatMap((node) =>
        needsOf(graph, node).map((need) => `  ${names.get(need)} --> ${names.get(node.id)}`),
      ),
    ].join('\n');
  },
  json: (graph) =>
    JSON.stringify(
      graph.nodes.map((node) => ({
        id: node.id,
        pipeline: node.pipeline.id,
        name: node.name,
        role: node.role,
        needs: needsOf(graph, node),
      })),
      undefined,
      2,
    ),
};

const needsOf = (graph: PipelineGraph, node: GraphNode): readonly string[] =>
  graph.dependencies.get(node.id) ?? [];

/** A quoted identifier of the DOT language (https://graphviz.org/doc/info/lang.html). */
const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
