import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { findProgram } from '../../../src/plan/tool-versions.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

test('a folder of PATH that cannot be looked into is passed over', () => {
  const root = temporaryFolder();
  symlinkSync('loop', join(root, 'loop'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/some-program'), '');
  chmodSync(join(root, 'bin/some-program'), 0o755);
  vi.stubEnv('PATH', `${join(root, 'loop')}:${join(root, 'bin')}`);
  expect(findProgram('some-program')).toBe(join(root, 'bin/some-program'));
  expect(findProgram('no-such-program')).toBeUndefined();
  vi.unstubAllEnvs();
});
