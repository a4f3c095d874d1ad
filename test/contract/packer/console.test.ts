import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const LINES = '1 + 1\nnothing\n\nupper("x")\nexit\n"not reached"\n';

test('lines of a file count as typed: each has its result, and the exit code is 0', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'lines');
  writeFileSync(file, LINES);
  const run = (program: string, args: readonly string[]) => {
    const stdin = openSync(file, 'r');
    try {
      const stdio = [stdin, 'pipe', 'pipe'] as ('pipe' | number)[];
      const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
      return spawnSync(program, [...args, '-config-type=hcl2'], {
        stdio,
        cwd: folder,
        env,
        encoding: 'utf8',
      });
    } finally {
      closeSync(stdin);
    }
  };
  const ours = run(process.execPath, [MAIN, 'packer', 'console']);
  expect(ours.stdout).toMatch(/^2\nError: Unknown variable\n[^]*\n\nX\n$/);
  expect(ours.status).toBe(0);
  const theirs = run('packer', ['console']);
  if (theirs.error === undefined) expect(ours.stdout).toBe(theirs.stdout);
});
