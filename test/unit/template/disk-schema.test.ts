import { describe, expect, it } from 'vitest';
import { diskSchema } from '../../../src/template/disk-schema.ts';

/** Path and message of all that is wrong with a disk. */
function mistakes(disk: object): string[] {
  const parsed = diskSchema.safeParse(disk);
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the disk of a template', () => {
  it('has no field that was not given, so that keys of older disks stand', () => {
    expect(Object.keys(diskSchema.parse({})).toSorted()).toEqual([
      'espSize',
      'firmware',
      'free',
      'kernelArgs',
      'size',
    ]);
  });

  it('takes partitions with sizes and file systems', () => {
    const partitions = [{ mount: '/boot' }, { mount: '/var', fileSystem: 'xfs', size: '2GiB' }];
    expect(diskSchema.parse({ partitions, swap: '512MiB', espMount: '/boot/efi' })).toMatchObject({
      partitions: [
        { mount: '/boot', fileSystem: 'ext4', size: 'fit', free: 64 * 2 ** 20 },
        { mount: '/var', fileSystem: 'xfs', size: 2 ** 31 },
      ],
      swap: 2 ** 29,
    });
  });

  it.each([
    [{ partitions: [{ mount: 'var' }] }, 'partitions.0.mount: must be an absolute path'],
    [{ partitions: [{ mount: '/var/' }] }, 'partitions.0.mount: must be an absolute path'],
    [{ partitions: [{ mount: '/a b' }] }, 'partitions.0.mount: must be an absolute path'],
    [{ partitions: [{ mount: '/var/../etc' }] }, 'partitions.0.mount: must have no . and ..'],
    [{ partitions: [{ mount: '/etc' }] }, 'partitions.0.mount: /etc must be part of the root file system'],
    [{ partitions: [{ mount: '/usr/lib' }] }, 'partitions.0.mount: /usr/lib must be part'],
    [{ partitions: [{ mount: '/var' }, { mount: '/var' }] }, 'partitions.1.mount: two partitions'],
    [{ partitions: [{ mount: '/efi' }], espMount: '/efi' }, 'partitions.0.mount: two partitions'],
    [{ partitions: [{ mount: '/var', fileSystem: 'zfs' }] }, 'partitions.0.fileSystem: '],
    [{ espMount: '/efi', firmware: 'bios' }, 'espMount: there is no EFI system partition'],
    [
      { table: 'mbr', swap: '1GiB', partitions: [{ mount: '/boot' }, { mount: '/var' }] },
      'table: an mbr has 4 partitions, and this disk needs 5',
    ],
    [{ table: 'mbr', growRoot: true }, 'growRoot: systemd-repart grows partitions of a gpt only'],
    [{ table: 'mbr', size: '3TiB' }, 'size: an mbr reaches 2 TiB'],
    [{ swap: '4KiB' }, 'swap: must be 1MiB or more'],
    [{ lvm: true }, ': Unrecognized key: "lvm"'],
  ])('refuses %j', (disk, message) => {
    expect(mistakes(disk)).toEqual([expect.stringContaining(message)]);
  });
});
