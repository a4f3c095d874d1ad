import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { rfc3339, spanText } from '../../../src/cli/packer/build/go-text.ts';
import { goDuration } from '../../../src/template/packer-kinds/go-duration.ts';
import { finalArtifacts } from '../../../src/cli/packer/build/final-artifacts.ts';
import type { Artifact } from '../../../src/model/artifact.ts';
import type { GraphNode } from '../../../src/model/graph.ts';
import type { NodeId } from '../../../src/model/ids.ts';
import { bgzf } from '../../../src/post-processors/packer/bgzf.ts';
import { formatOf } from '../../../src/post-processors/packer/compress-format.ts';
import type { PackerBuild } from '../../../src/template/packer-lower/packer-build.ts';

test.each([
  [0, '0 seconds'],
  [1, '1 millisecond'],
  [12.3456, '12 milliseconds 346 microseconds'],
  [61_000, '1 minute 1 second'],
  [3_600_000 + 59_000, '1 hour 59 seconds'],
  [90_061_001, '1 day 1 hour'],
])('%d ms took %s', (milliseconds, text) => {
  expect(spanText(milliseconds)).toBe(text);
});

test.each([
  [500, '500ms'],
  [10_000, '10s'],
  [1500, '1.5s'],
  [90_000, '1m30s'],
  [3_600_000, '1h0m0s'],
])('%d ms is %s in Go', (milliseconds, text) => {
  expect(goDuration(milliseconds)).toBe(text);
});

test('the time has its zone', () => {
  expect(rfc3339(new Date(0))).toMatch(/^19(?:69|70)-\d\d-\d\dT\d\d:\d\d:00(?:Z|[+-]\d\d:\d\d)$/);
});

test.each([
  ['a', undefined, { archive: 'tar', algorithm: 'gz' }],
  ['a.foo', undefined, { archive: 'tar', algorithm: 'gz' }],
  ['a.tar', undefined, { archive: 'tar', algorithm: undefined }],
  ['a.tar.gz', undefined, { archive: 'tar', algorithm: 'gz' }],
  ['a.gz', undefined, { archive: undefined, algorithm: 'gz' }],
  ['a.tar.lz4', undefined, { archive: 'tar', algorithm: 'lz4' }],
  ['a.zip', undefined, { archive: 'zip', algorithm: undefined }],
  ['a', 'tar.xz', { archive: 'tar', algorithm: 'xz' }],
  ['a.gz', 'zip', { archive: 'zip', algorithm: undefined }],
])('%s with format %s', (output, format, expected) => {
  expect(formatOf(output, format)).toEqual(expected);
});

test.each([0, 5, 0xff00, 200_000])('blocks of gzip hold %d bytes', async (size) => {
  const data = Buffer.alloc(size, 'imgpipe ');
  const packed = await buffer(Readable.from([data]).pipe(bgzf(-1)));
  expect(gunzipSync(packed).equals(data)).toBe(true);
  // Every block says how long it is; the last one is empty.
  let blocks = 0;
  for (let at = 0; at < packed.length; at += packed.readUInt16LE(at + 16) + 1) blocks += 1;
  expect(blocks).toBe(Math.ceil(size / 0xff00) + 1);
});

describe('artifacts that stay', () => {
  const artifact = (id: string): Artifact => ({ files: [], builderId: 'b', id });
  type Item = readonly [type: string, keep?: boolean, fails?: boolean];

  /** `compress` drops what it gets, `checksum` insists on keeping it, `artifice` keeps it unless told otherwise. */
  const RULES: Readonly<Record<string, { default: boolean; forced?: boolean }>> = {
    artifice: { default: true },
    checksum: { default: true, forced: true },
    compress: { default: false },
  };

  function outcome(...chains: readonly (readonly Item[])[]): { kept: string[]; dropped: string[] } {
    const artifacts = new Map<NodeId, Artifact>([['p/o' as NodeId, artifact('original')]]);
    const posts = chains.flatMap((chain, at) => {
      let broken = false;
      return chain.map(([type, , fails], index) => {
        const id = `p/${at}.${index}` as NodeId;
        broken ||= fails === true;
        if (!broken) artifacts.set(id, artifact(`${type}${at}.${index}`));
        return { id, role: 'post', post: { type } } as GraphNode;
      });
    });
    const nodes = [{ id: 'p/o', role: 'export' } as GraphNode, ...posts];
    const build = {
      chains: chains.map((chain) => chain.map(([, keepInputArtifact]) => ({ keepInputArtifact }))),
    } as unknown as PackerBuild;
    const { kept, dropped } = finalArtifacts(
      build,
      nodes,
      artifacts,
      (type) => RULES[type] ?? { default: false },
    );
    return { kept: kept.map(({ id }) => id), dropped: dropped.map(({ id }) => id) };
  }

  test('without post-processors it is the original', () => {
    expect(outcome()).toEqual({ kept: ['original'], dropped: [] });
  });

  test('the first of any chain may keep the original', () => {
    expect(outcome([['compress']], [['checksum']])).toEqual({
      kept: ['original', 'compress0.0', 'checksum1.0'],
      dropped: [],
    });
    expect(outcome([['compress']])).toEqual({ kept: ['compress0.0'], dropped: ['original'] });
    expect(outcome([['compress', true]]).kept).toEqual(['original', 'compress0.0']);
  });

  test('a later one keeps or drops what came before it', () => {
    expect(outcome([['compress'], ['compress']])).toEqual({
      kept: ['compress0.1'],
      dropped: ['compress0.0', 'original'],
    });
    expect(outcome([['compress'], ['checksum']]).kept).toEqual(['compress0.0', 'checksum0.1']);
  });

  test('a kind that insists is not overruled', () => {
    expect(outcome([['checksum', false]]).kept).toEqual(['original', 'checksum0.0']);
    expect(outcome([['artifice', false]])).toEqual({ kept: ['artifice0.0'], dropped: ['original'] });
  });

  test('a chain that failed gives nothing', () => {
    expect(outcome([['compress'], ['checksum', undefined, true]], [['artifice']])).toEqual({
      kept: ['original', 'artifice1.0'],
      dropped: [],
    });
  });
});
