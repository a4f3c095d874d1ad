import { expect, test } from 'vitest';
import { isCommandLineFile, readKernelArguments } from '../../../src/exporters/disk/kernel-arguments.ts';
import type { Workspace } from '../../../src/layers/workspace.ts';

const FILES: Record<string, string> = {
  '/etc/kernel/cmdline': 'quiet\n',
  '/etc/kernel/cmdline.d/90-late.conf': 'late=1\n',
  '/etc/kernel/cmdline.d/10-early.conf': '# why\nearly=1 net.ifnames=0\n',
};

const workspace = {
  glob: () => Promise.resolve(Object.keys(FILES).filter((path) => path.includes('.d/'))),
  readText: (_view: unknown, path: string) => Promise.resolve(FILES[path]),
} as unknown as Workspace;

test('the main file comes first, then those of steps by name, comments left out', async () => {
  const text = await readKernelArguments(workspace, []);
  expect(text.split(/\s+/).filter((word) => word !== '')).toEqual([
    'quiet',
    'early=1',
    'net.ifnames=0',
    'late=1',
  ]);
});

test.each([
  ['/etc/kernel/cmdline', true],
  ['/etc/kernel/cmdline.d/a.conf', true],
  ['/etc/kernel/cmdline.d/a.txt', false],
  ['/etc/kernel/install.conf', false],
])('%s counts: %s', (path, counts) => {
  expect(isCommandLineFile(path)).toBe(counts);
});
