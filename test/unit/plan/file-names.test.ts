import { expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { compileTemplate } from '../../../src/engine/compile.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

const HEAD = 'name: web\nsource: { type: rootfs, path: root.tar }\nexports:\n';

/** What is wrong with the exports, each with its line among them. */
async function mistakes(exports: readonly string[]): Promise<string[]> {
  const text = HEAD + exports.map((item) => `  - ${item}\n`).join('');
  const pipelines = unwrap(await parseDocument('/project/pipelines/web.yaml', text));
  const template = unwrap(
    resolveTemplate(
      { folder: '/project/pipelines', pipelines },
      { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
    ),
  );
  const compiled = compileTemplate(template, builtinKinds, { pipelines: [], only: [], except: [] });
  return compiled.ok
    ? []
    : compiled.failures.map(({ message, origin }) => `${(origin?.line ?? 0) - 3}: ${message}`);
}

const TWICE = (first: string, second: string, file: string): string =>
  `1: "${first}" and "${second}" of web would both write ${file}`;

test.each([
  ['{ type: checksum }, { type: checksum }', TWICE('raw.checksum', 'raw.checksum-2', 'web.raw.sha256')],
  [
    '{ type: checksum, fileName: sums }, { type: checksum, fileName: sums, types: [md5, sha256] }',
    TWICE('raw.checksum', 'raw.checksum-2', 'sums.sha256'),
  ],
  [
    '{ type: sbom }, { type: sbom, formats: [cyclonedx, spdx] }',
    TWICE('raw.sbom', 'raw.sbom-2', 'web.raw.spdx.json'),
  ],
  [
    '{ type: manifest }, { type: manifest }',
    TWICE('raw.manifest', 'raw.manifest-2', 'web.raw.manifest.json'),
  ],
  [
    '{ type: provenance }, { type: provenance }',
    TWICE('raw.provenance', 'raw.provenance-2', 'web.raw.provenance.json'),
  ],
  ['{ type: sign }, { type: sign }', TWICE('raw.sign', 'raw.sign-2', 'web.raw.asc')],
  [
    '{ type: checksum }, { type: sign, files: ["*.sha256"] }, { type: shell-local, command: a, outputs: [web.raw.sha256.asc] }',
    TWICE('raw.sign', 'raw.shell-local', 'web.raw.sha256.asc'),
  ],
  ['{ type: shell-local, command: a, outputs: [web.raw] }', TWICE('raw', 'raw.shell-local', 'web.raw')],
  [
    '{ type: manifest, fileName: manifest.json }',
    '1: "raw.manifest" of web would write manifest.json, which imgpipe itself writes',
  ],
  [
    '{ type: shell-local, command: a, outputs: [SHA256SUMS] }',
    '1: "raw.shell-local" of web would write SHA256SUMS, which imgpipe itself writes',
  ],
])('two that would write one file are told before anything is built: %s', async (post, message) => {
  expect(await mistakes([`{ type: raw, post: [${post}] }`])).toEqual([message]);
});

test('so it is between exports, their chains and the links to their newest files', async () => {
  expect(
    await mistakes([
      '{ type: raw, chains: [[{ type: compress, method: gz }], [{ type: compress, method: gz, level: 9 }]] }',
      '{ type: raw, compression: gz, name: other, fileName: web }',
      '{ type: qcow2, latest: true }',
      '{ type: qcow2, name: latest }',
      '{ type: oci, post: [{ type: checksum, fileName: all }] }',
      '{ type: bmap, post: [{ type: checksum, fileName: all }] }',
    ]),
  ).toEqual([
    '1: "raw.compress" and "raw.compress-2" of web would both write web.raw.gz',
    '2: "raw.compress" and "other" of web would both write web.raw.gz',
    '4: the exports "qcow2" and "latest" of web would both write web-latest.qcow2',
    '6: "oci.checksum" and "bmap.checksum" of web would both write all.sha256',
  ]);
});

test('files of one name that do not lie in one folder, and names that differ, are right', async () => {
  expect(
    await mistakes([
      '{ type: raw, post: [{ type: checksum }, { type: compress }, { type: checksum }, { type: sign }] }',
      '{ type: directory, post: [{ type: compress }] }',
      '{ type: rootfs-tar, name: plain, fileName: web.tree, compression: zstd, post: [{ type: compress, method: zip }] }',
      '{ type: qcow2, chains: [[{ type: checksum }], [{ type: checksum, types: [md5] }, { type: upload, to: /srv }]] }',
    ]),
  ).toEqual([]);
});
