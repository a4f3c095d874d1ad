import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeIso, type IsoFile } from '../../../src/builders/qemu/iso9660.ts';
import { makeCloudSeed } from '../../../src/builders/qemu/nocloud-seed.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const EPOCH = 1_735_689_600;
const noXorriso = spawnSync('xorriso', ['-version']).status !== 0;
const noBlkid = spawnSync('blkid', ['-V']).status !== 0;

/** What an independent reader finds in the image, by path. */
function unpack(image: Buffer): { readonly files: Record<string, Buffer>; readonly folder: string } {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'image.iso'), image);
  mkdirSync(join(folder, 'out'));
  // Warnings count: an image that a reader has to forgive is wrong.
  const argv = ['-abort_on', 'WARNING', '-osirrox', 'on', '-indev', join(folder, 'image.iso')];
  const { status, stderr } = spawnSync('xorriso', [...argv, '-extract', '/', join(folder, 'out')], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const names = readdirSync(join(folder, 'out'), { recursive: true, encoding: 'utf8' });
  const files = names
    .filter((name) => statSync(join(folder, 'out', name)).isFile())
    .map((name) => [name, readFileSync(join(folder, 'out', name))] as const);
  return { files: Object.fromEntries(files), folder };
}

describe.skipIf(noXorriso)('an ISO 9660 image', () => {
  it('is read by xorriso: names, folders, contents, times', () => {
    const files: IsoFile[] = [
      { path: 'user-data', content: Buffer.from('#cloud-config\n') },
      { path: 'empty', content: Buffer.alloc(0) },
      { path: 'Ünï code name with blanks.txt', content: randomBytes(2048) },
      { path: 'a/b/c/deep', content: randomBytes(5000) },
      { path: 'a!/x', content: Buffer.from('sorts before the slash') },
      { path: 'a/b2', content: randomBytes(1) },
      { path: 'n'.repeat(64), content: Buffer.from('n') },
    ];
    const { files: found, folder } = unpack(makeIso('LABEL', files, EPOCH));
    expect(found).toEqual(Object.fromEntries(files.map(({ path, content }) => [path, content])));
    expect(statSync(join(folder, 'out/a/b2')).mtimeMs / 1000).toBe(EPOCH);
  });

  it('holds more files than fit a sector of its folder', () => {
    const files = Array.from({ length: 500 }, (_, index) => ({
      path: `${index % 3 === 0 ? 'folder' : 'other'}/file number ${index}`,
      content: Buffer.from(String(index)),
    }));
    const { files: found } = unpack(makeIso('many', files, EPOCH));
    expect(Object.keys(found)).toHaveLength(500);
    for (const { path, content } of files) expect(found[path], path).toEqual(content);
  });

  it.skipIf(noBlkid)('is found by cloud-init by its label', () => {
    const seed = {
      instanceId: 'i-1',
      hostname: 'builder',
      userData: '#cloud-config\n{}\n',
      networkConfig: '{version: 2}\n',
    };
    const image = makeCloudSeed(seed, EPOCH);
    const { files, folder } = unpack(image);
    expect(Object.keys(files).toSorted()).toEqual(['meta-data', 'network-config', 'user-data']);
    expect(JSON.parse(files['meta-data']?.toString() ?? '')).toEqual({
      'instance-id': 'i-1',
      'local-hostname': 'builder',
    });
    const probe = ['-p', '-o', 'export', join(folder, 'image.iso')];
    const { stdout } = spawnSync('blkid', probe, { encoding: 'utf8' });
    expect(stdout).toContain('LABEL=cidata\n');
    expect(stdout).toContain('TYPE=iso9660\n');
    expect(makeCloudSeed(seed, EPOCH)).toEqual(image);
    expect(makeCloudSeed({ ...seed, hostname: 'other' }, EPOCH)).not.toEqual(image);
  });
});

describe('an ISO 9660 image', () => {
  it.each(['', '..', 'a//b', 'a:b', 'x'.repeat(65), 'a\nb'])('does not take the name %j', (path) => {
    expect(() => makeIso('label', [{ path, content: Buffer.alloc(0) }], EPOCH)).toThrow(/cannot be a name/);
  });

  it('does not depend on the order of its files', () => {
    const files = ['b', 'a/x', 'a/b', 'c'].map((path) => ({ path, content: Buffer.from(path) }));
    expect(makeIso('l', files.toReversed(), EPOCH)).toEqual(makeIso('l', files, EPOCH));
    expect(() => makeIso('a label of 17 ch.', [], EPOCH)).toThrow(/longer than 16/);
  });
});
