import { describe, expect, it } from 'vitest';
import { diskSchema } from '../../../src/template/disk-schema.ts';

/** Path and message of all that is wrong with a disk. */
function mistakes(disk: object): string[] {
  const parsed = diskSchema.safeParse(disk);
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const lvm = { group: 'vg0' };
const apart = (mount: string) => ({ mount, lvm: false });

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

  it('takes a volume group with names that only LVM knows, and more volumes than an mbr has partitions', () => {
    const partitions = [
      { mount: '/boot', lvm: false },
      { mount: '/var', name: '0.var+x' },
      { mount: '/srv' },
    ];
    const disk = { lvm: { group: 'my.group_0', free: '1GiB' }, partitions, swap: '1GiB', table: 'mbr' };
    expect(diskSchema.parse(disk)).toMatchObject({ lvm: { group: 'my.group_0', free: 2 ** 30 } });
    expect(diskSchema.parse({ lvm, partitions: [{ mount: '/root', name: 'home' }] })).toBeDefined();
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
    [{ lvm: true }, 'lvm: Invalid input: expected object'],
    [{ lvm: {} }, 'lvm.group: Invalid input: expected string'],
    [{ lvm: { group: 'a/b' } }, 'lvm.group: "a/b" is no name for LVM'],
    [{ lvm: { group: '-a' } }, 'lvm.group: "-a" is no name for LVM'],
    [{ lvm: { group: '..' } }, 'lvm.group: ".." is no name for LVM'],
    [{ lvm: { group: 'mapper' } }, 'lvm.group: "mapper" is a folder of /dev'],
    [{ lvm, growRoot: true }, 'growRoot: systemd-repart grows partitions only'],
    [
      { lvm, partitions: [{ mount: '/root' }] },
      'partitions.0.mount: two logical volumes have the name "root"',
    ],
    [
      { lvm, swap: '1GiB', partitions: [{ mount: '/x', name: 'swap' }] },
      'partitions.0.name: two logical volumes',
    ],
    [{ lvm, partitions: [{ mount: '/a/b' }, { mount: '/a-b' }] }, 'partitions.1.mount: two logical volumes'],
    [{ lvm, partitions: [{ mount: '/x', name: 'a b' }] }, 'partitions.0.name: "a b" is no name for LVM'],
    [
      { lvm, partitions: [{ mount: '/x', name: 'snapshot1' }] },
      'partitions.0.name: "snapshot1" in names is kept',
    ],
    [{ lvm, partitions: [{ mount: '/db_mlog' }] }, 'partitions.0.mount: "_mlog" in names is kept by LVM'],
    [{ lvm, partitions: [{ mount: `/${'x-'.repeat(50)}` }] }, 'has 154 characters, and 127 are possible'],
    [
      { lvm, partitions: [{ mount: '/x', name: 'x', lvm: false }] },
      'partitions.0.name: only logical volumes have names',
    ],
    [{ partitions: [{ mount: '/x', name: 'x' }] }, 'partitions.0.name: the disk has no volume group'],
    [{ partitions: [{ mount: '/x', lvm: true }] }, 'partitions.0.lvm: the disk has no volume group'],
    [
      { table: 'mbr', lvm, partitions: ['/a', '/b', '/c'].map(apart) },
      'table: an mbr has 4 partitions, and this disk needs 5',
    ],
  ])('refuses %j', (disk, message) => {
    expect(mistakes(disk)).toEqual([expect.stringContaining(message)]);
  });
});
