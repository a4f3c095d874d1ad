import { expect, test } from 'vitest';
import { buildGraph } from '../../../src/graph/build-graph.ts';
import { selectNodes } from '../../../src/graph/select-nodes.ts';
import { loadTemplate } from '../../../src/template/load-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';
import type { Failure } from '../../../src/diagnostics/failure.ts';
import type { PipelineGraph } from '../../../src/model/graph.ts';
import { fixtureKinds } from '../../rigs/fixture-kinds.ts';
import { project } from '../../rigs/project.ts';

async function compile(posts: string): Promise<{ graph?: PipelineGraph; failures: readonly Failure[] }> {
  const folder = project({
    'pipelines/web.yaml': `source: { type: bootstrap, suite: trixie }
secrets: { key: { env: KEY } }
exports:
  - { type: raw }
  - { type: qcow2, post: [${posts}] }
`,
  });
  const parsed = await loadTemplate({ folder: `${folder}/pipelines` });
  if (!parsed.ok) return { failures: parsed.failures };
  const template = resolveTemplate(parsed.value, {
    kinds: fixtureKinds,
    variables: [],
    defaults: { sourceDateEpoch: 0, architecture: 'amd64' },
  });
  if (!template.ok) return { failures: template.failures };
  const graph = buildGraph(template.value, fixtureKinds);
  return graph.ok ? { graph: graph.value, failures: [] } : { failures: graph.failures };
}

const posts = (graph: PipelineGraph | undefined) =>
  (graph?.nodes ?? []).flatMap((node) => (node.role === 'post' ? [node] : []));

test('a chain: each takes what the one before it gave; what does not stay lies in the store', async () => {
  const { graph } = await compile('{ type: checksum }, { type: compress }, { type: checksum }');
  expect(posts(graph).map(({ id, from, via, transient }) => ({ id, from, via, transient }))).toEqual([
    { id: 'web/qcow2.checksum', from: 'web/qcow2', via: [], transient: true },
    {
      id: 'web/qcow2.compress',
      from: 'web/qcow2.checksum',
      via: ['web/qcow2.checksum'],
      transient: undefined,
    },
    {
      id: 'web/qcow2.checksum-2',
      from: 'web/qcow2.compress',
      via: ['web/qcow2.checksum', 'web/qcow2.compress'],
      transient: undefined,
    },
  ]);
  expect(graph?.nodes.find(({ id }) => id === 'web/qcow2')).not.toHaveProperty('transient');
});

test('keepInput decides where the export lies', async () => {
  const exported = async (options: string) =>
    (await compile(`{ type: compress${options} }`)).graph?.nodes.find(({ id }) => id === 'web/qcow2');
  expect(await exported('')).toMatchObject({ transient: true });
  expect(await exported(', keepInput: true')).not.toHaveProperty('transient');
});

test('choosing an export takes its post-processors along, and leaving it out does too', async () => {
  const { graph } = await compile('{ type: checksum }');
  if (graph === undefined) throw new Error('no graph');
  const chosen = (only: readonly string[], except: readonly string[]) => {
    const part = selectNodes(graph, { pipelines: [], only, except });
    return part.ok ? posts(part.value).map(({ id }) => id) : [];
  };
  expect(chosen(['web/qcow2'], [])).toEqual(['web/qcow2.checksum']);
  expect(chosen(['web/raw'], [])).toEqual([]);
  expect(chosen([], ['web/qcow2'])).toEqual([]);
});

test.each<[string, string]>([
  ['{ type: chekcsum }', 'unknown post-processor type "chekcsum"'],
  ['{ type: compress, methd: gz }', 'methd'],
  ['{ type: checksum, keepInput: false }', 'always true'],
  ['{ type: sign, secret: other }', 'the secret "other" is not declared'],
  ['checksum', 'post'],
])('%s is refused at its place', async (text, message) => {
  const { failures } = await compile(text);
  expect(failures.map((failure) => failure.message).join('\n')).toContain(message);
  expect(failures[0]?.origin).toMatchObject({ line: 5 });
});
