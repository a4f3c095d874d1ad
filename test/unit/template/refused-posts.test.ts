import { expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

/** What is wrong with exports, each with its line among them. */
async function messages(exports: string): Promise<readonly (readonly unknown[])[]> {
  const head = 'name: web\nsource: { type: bootstrap, suite: bookworm }\nexports:\n';
  const pipelines = unwrap(await parseDocument('/project/pipelines/web.yaml', head + exports));
  const result = resolveTemplate(
    { folder: '/project/pipelines', pipelines },
    { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
  );
  const failures = result.ok ? [] : result.failures;
  return failures.map(({ message, origin }) => [(origin?.line ?? 0) - head.split('\n').length + 1, message]);
}

test('what a post-processor can do nothing with is said before anything is built', async () => {
  expect(
    await messages(
      [
        '  - type: directory',
        '    post: [{ type: checksum }]',
        '  - { type: oci, form: folder, post: [{ type: checksum }] }',
        '  - { type: raw, chains: [[{ type: checksum }], [{ type: push, to: localhost/web }]] }',
      ].join('\n'),
    ),
  ).toEqual([
    [2, 'export "directory": post-processor 1 (checksum): a folder has no checksum'],
    [3, 'export "oci": post-processor 1 (checksum): a folder has no checksum'],
    [4, 'export "raw": post-processor 1 (push): only container images can be pushed to a registry'],
  ]);
});

test('it is not said of what another post-processor makes, nor where it works', async () => {
  expect(
    await messages(
      [
        '  - { type: directory, post: [{ type: compress }, { type: checksum }] }',
        '  - { type: oci, post: [{ type: checksum }, { type: push, to: localhost/web }] }',
        '  - { type: oci, name: layout, form: folder, post: [{ type: push, to: localhost/web }] }',
        '  - { type: docker-archive, tag: web, post: [{ type: push, to: localhost/web }] }',
        '  - { type: raw, post: [{ type: checksum }, { type: checksum, types: [md5] }] }',
      ].join('\n'),
    ),
  ).toEqual([]);
});
