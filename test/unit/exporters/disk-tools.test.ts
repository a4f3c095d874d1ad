import { afterEach, describe, expect, it, vi } from 'vitest';
import { isReproducible, programsOf } from '../../../src/exporters/disk/programs.ts';
import { findDiskTools } from '../../../src/exporters/disk/tools.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the tools of a disk', () => {
  it('are named with their packages when they are missing, all at once', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const found = await findDiskTools('amd64', { firmware: 'both' });
    if (found.ok) throw new Error('found without a path');
    // Those of the sbin folders are found whatever the path is.
    expect(found.failures.map(({ reason, message, hint }) => [reason, message, hint])).toEqual(
      expect.arrayContaining([
        [
          'tool-missing',
          'grub-mkimage is not installed; bootable disks need it',
          expect.stringContaining('apt-get install grub-common'),
        ],
        ['tool-missing', 'mcopy is not installed; bootable disks need it', expect.stringContaining('mtools')],
      ]),
    );
  });

  it('are those of the file systems that the disk has', () => {
    const names = (spec: Parameters<typeof programsOf>[0]) => programsOf(spec).map(({ name }) => name);
    const plain = ['mke2fs', 'debugfs', 'grub-mkimage', 'mkfs.fat', 'mcopy'];
    expect(names({})).toEqual(plain);
    const data = { mount: '/data', fileSystem: 'xfs', size: 'fit', free: 0 } as const;
    expect(names({ fileSystem: 'btrfs', partitions: [data] })).toEqual([...plain, 'mkfs.btrfs', 'mkfs.xfs']);
    expect([isReproducible({}), isReproducible({ partitions: [data] })]).toEqual([true, true]);
    expect(isReproducible({ partitions: [{ ...data, fileSystem: 'btrfs' }] })).toBe(false);
  });
});
