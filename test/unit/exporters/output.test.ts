import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256OfFile } from '../../../src/exporters/file-digest.ts';
import {
  artifactFileName,
  outputFailure,
  pipelineFolder,
  staleTemporaries,
  writeOutputIndex,
} from '../../../src/exporters/output.ts';
import {
  MANIFEST_VERSION,
  outputManifestSchema,
  type OutputManifest,
} from '../../../src/exporters/output-manifest.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { temporaryName } from '../../../src/util/temporary-name.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

function manifest(over: Partial<OutputManifest> = {}): OutputManifest {
  const artifact = {
    name: 'qcow2',
    type: 'qcow2',
    file: 'qcow2.qcow2',
    size: 5,
    sha256: digest('image'),
    reproducible: true,
    key: 'k',
  };
  return {
    manifestVersion: MANIFEST_VERSION,
    createdBy: { name: 'imgpipe', version: '0.1.0' },
    pipeline: 'debian-web',
    architecture: 'amd64',
    sourceDateEpoch: 1,
    layers: [{ name: 'source', digest: 'sha256:00', size: 1, entries: 1 }],
    artifacts: [artifact],
    ...over,
  };
}

it.each([
  ['debian-web', 'qcow2', 'debian-web.qcow2'],
  ['debian-web[arm64,prod]', 'small', 'debian-web@arm64,prod-small.qcow2'],
])('names the file of %s: %s as %s', (pipeline, name, file) => {
  expect(artifactFileName(pipeline, { name, type: 'qcow2' }, 'qcow2')).toBe(file);
});

describe('output folder', () => {
  it('holds sums that sha256sum accepts, a manifest and Terraform variables', () => {
    const output = temporaryFolder();
    const folder = pipelineFolder(output, 'debian-web');
    mkdirSync(folder);
    writeFileSync(join(folder, 'qcow2.qcow2'), 'image');
    expect(writeOutputIndex(output, manifest())).toEqual({ ok: true });
    expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' })).toBe(
      'qcow2.qcow2: OK\n',
    );
    expect(
      outputManifestSchema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))),
    ).toEqual(manifest());
    expect(JSON.parse(readFileSync(join(folder, 'debian-web.auto.tfvars.json'), 'utf8'))).toEqual({
      debian_web_images: {
        qcow2: { type: 'qcow2', path: join(folder, 'qcow2.qcow2'), size: 5, sha256: digest('image') },
      },
    });
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it('does not touch what is right already', () => {
    const output = temporaryFolder();
    writeOutputIndex(output, manifest());
    const files = readdirSync(pipelineFolder(output, 'debian-web'));
    const inodes = () => files.map((name) => statSync(join(pipelineFolder(output, 'debian-web'), name)).ino);
    const before = inodes();
    writeOutputIndex(output, manifest());
    expect(inodes()).toEqual(before);
  });

  it('gives each variant of a matrix a folder of its own, without characters that shells expand', () => {
    expect(pipelineFolder('/out', 'web[arm64,prod]')).toBe('/out/web@arm64,prod');
  });

  it('says that a file is in the way', () => {
    const output = join(temporaryFolder(), 'file');
    writeFileSync(output, '');
    expect(writeOutputIndex(output, manifest())).toMatchObject({
      ok: false,
      failures: [{ reason: 'permission-denied' }],
    });
  });

  it.skipIf(process.geteuid?.() === 0)('says that it may not write', () => {
    const output = temporaryFolder();
    chmodSync(output, 0o555);
    expect(writeOutputIndex(output, manifest())).toMatchObject({
      ok: false,
      failures: [{ reason: 'permission-denied' }],
    });
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'permission-denied'],
    ['EACCES', 'permission-denied'],
  ])('knows %s', (code, reason) => {
    const error = Object.assign(new Error('x'), { code });
    expect(outputFailure(error, '/out/web')).toMatchObject({ reason });
  });

  it('finds what dead runs left half-written', () => {
    const folder = temporaryFolder();
    const own = temporaryName('a.raw');
    const dead = own.replace(`tmp-${process.pid}-`, 'tmp-4194305-');
    for (const name of [own, dead, 'a.raw', 'b.tmp']) writeFileSync(join(folder, name), '');
    expect(staleTemporaries(folder)).toEqual([join(folder, dead)]);
  });
});

describe('sha256OfFile', () => {
  it.each([0, 5, 9 * 2 ** 20 + 3])('hashes %i bytes', async (size) => {
    const path = join(temporaryFolder(), 'file');
    const bytes = Buffer.alloc(size, 'abc');
    writeFileSync(path, bytes);
    expect(await sha256OfFile(path)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('stops when the run stops', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, Buffer.alloc(16 * 2 ** 20));
    const abort = new AbortController();
    const hash = sha256OfFile(path, abort.signal);
    abort.abort();
    await expect(hash).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
  });
});
