import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { goGlob } from '../../../src/post-processors/packer/go-glob.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

describe('patterns of files as in Go', () => {
  let folder = '';
  beforeEach(() => {
    folder = temporaryFolder();
    for (const name of ['a/one', 'a/two', 'b/one', 'b/deep/one']) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), '');
    }
    for (const name of ['x.img', '.hidden.img', 'y.img', 'B.img', 'a*b', 'a-b', '{x,y}.img', 'x]'])
      writeFileSync(join(folder, name), '');
  });

  test.each([
    ['*.img', ['.hidden.img', 'B.img', 'x.img', 'y.img', '{x,y}.img']],
    ['./*.img', ['.hidden.img', 'B.img', 'x.img', 'y.img', '{x,y}.img']],
    ['./x.img', ['./x.img']],
    ['nothing', []],
    ['nothing/*', []],
    ['{x,y}.img', ['{x,y}.img']],
    ['?.img', ['B.img', 'x.img', 'y.img']],
    ['[xy].img', ['x.img', 'y.img']],
    ['[^xy].img', ['B.img']],
    ['[a-x].img', ['x.img']],
    ['x[\\]]', ['x]']],
    ['a\\*b', ['a*b']],
    ['a?b', ['a*b', 'a-b']],
    ['*/one', ['a/one', 'b/one']],
    ['**/one', ['a/one', 'b/one']],
    ['b/*', ['b/deep', 'b/one']],
    ['?/*/one', ['b/deep/one']],
  ])('%s', (pattern, found) => {
    expect(goGlob(pattern, folder)).toEqual(found);
  });

  test('an absolute pattern gives absolute paths', () => {
    expect(goGlob(join(folder, 'a', '*'), '/')).toEqual([join(folder, 'a/one'), join(folder, 'a/two')]);
  });

  test.each(['[', '[a', 'x[]', 'x\\', '[z-a]'])('%s is no pattern', (pattern) => {
    expect(() => goGlob(pattern, folder)).toThrow(/syntax error in pattern/);
  });
});
