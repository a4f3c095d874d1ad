import { expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { compileTemplate, type CompiledProject } from '../../../src/engine/compile.ts';
import { Prober, type ProberOptions } from '../../../src/plan/prober.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

const SHA256 = '0'.repeat(64);

async function compiled(text: string): Promise<CompiledProject> {
  const pipelines = unwrap(await parseDocument('/project/pipelines/web.yaml', text));
  const template = resolveTemplate(
    { folder: '/project/pipelines', pipelines },
    { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
  );
  const selection = { pipelines: [], only: [], except: [] };
  return unwrap(compileTemplate(unwrap(template), builtinKinds, selection));
}

test('the program that compresses a disk is in the key of that export alone', async () => {
  const text = `name: web
source: { type: rootfs, path: root.tar }
exports: [{ type: raw }, { type: raw, name: small, compression: xz }]
`;
  const { graph, descriptions } = await compiled(text);
  const exports = graph.nodes.filter(({ role }) => role === 'export');
  expect(exports.map(({ id }) => descriptions.get(id)?.tools)).toEqual([[], ['xz']]);
});

test('what a post-processor names as facts is in its key, beside what it reads', async () => {
  const text = `name: web
source: { type: rootfs, path: root.tar }
exports:
  - type: raw
    post:
      - { type: compress, method: gz }
      - { type: compress, method: zip }
      - { type: manifest }
      - { type: checksum }
`;
  const { graph, descriptions } = await compiled(text);
  // Post-processors of these kinds have neither host files nor programs nor secrets in their keys.
  const prober = new Prober({ descriptions } as unknown as ProberOptions);
  const reads = new Map<string, unknown>();
  for (const node of graph.nodes) {
    if (node.role === 'post') reads.set(node.name, prober.inputs(node).reads);
    prober.settle(
      node.id,
      node.role === 'export' || node.role === 'post'
        ? { type: 'artifact', path: `/out/${node.name}`, size: 1, sha256: SHA256, fingerprint: '' }
        : { type: 'layer', digest: `sha256:${SHA256}`, size: 1, entries: 1 },
    );
  }
  const zlib = { 'version of zlib': process.versions.zlib };
  expect(Object.fromEntries(reads)).toEqual({
    'raw.compress': zlib,
    'raw.compress-2': zlib,
    'raw.manifest': { 'inputs of the build': expect.any(String) as string },
    'raw.checksum': undefined,
  });
});
