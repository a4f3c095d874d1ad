import { expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { compileTemplate } from '../../../src/engine/compile.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

test('what a post-processor names as facts is in its key, and nothing where it names none', async () => {
  const text = `name: web
source: { type: rootfs, path: root.tar }
exports: [{ type: raw, chains: [[{ type: compress, method: gz }], [{ type: compress }]] }]
`;
  const pipelines = unwrap(await parseDocument('/project/pipelines/web.yaml', text));
  const template = resolveTemplate(
    { folder: '/project/pipelines', pipelines },
    { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
  );
  const selection = { pipelines: [], only: [], except: [] };
  const { descriptions } = unwrap(compileTemplate(unwrap(template), builtinKinds, selection));
  const inputs = [...descriptions].flatMap(([id, description]) =>
    id.startsWith('web/raw.compress') ? [description.inputs] : [],
  );
  expect(inputs).toMatchObject([
    { options: { method: 'gz' }, reads: { 'version of zlib': process.versions.zlib } },
    { options: { method: 'zstd' } },
  ]);
  expect(inputs[1]).not.toHaveProperty('reads');
});
