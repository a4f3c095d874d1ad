import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeDiskWithKey } from '../../../src/checks/boot/throw-away-disk.ts';
import { findVolumes } from '../../../src/exporters/disk/find-volumes.ts';
import { SECTOR } from '../../../src/exporters/disk/gpt.ts';
import type { DiskLayout } from '../../../src/exporters/disk/layout.ts';
import { planDisk } from '../../../src/exporters/disk/plan-disk.ts';
import type { DiskRequest } from '../../../src/model/disk-request.ts';
import { BOOTABLE_TREE, checkRoot, debugfs, sha256 } from '../../rigs/disk.ts';
import { cut, layoutRig, partition, run } from '../../rigs/disk-layout.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { EPOCH, noWorkspace } from '../../rigs/workspace.ts';

const MIB = 2 ** 20;
const TREE = `${BOOTABLE_TREE}\nmkdir -p usr/sbin var/log/journal; echo lvm > usr/sbin/lvm; echo one > var/log/journal/one; echo two > var/two`;

/** Content of a file as GRUB reads it from a logical volume of a whole disk. */
function readByGrub(disk: string, volume: string, path: string): string {
  return run('grub-fstest', disk, 'cat', `(lvm/${volume})${path}`);
}

/** A loop device for a file until the test ends. */
function loopDevice(file: string): string {
  const device = run('losetup', '--find', '--show', file).trim();
  onTestFinished(() => void run('losetup', '--detach', device));
  return device;
}

/** Why this host can give LVM no device for a file, or should not: udev would start the group on the host. */
function findNoLoop(): string | undefined {
  if (existsSync('/run/udev/control')) return 'needs a host without udev';
  const file = join(tmpdir(), `imgpipe-test-loop-${process.pid}`);
  try {
    writeFileSync(file, Buffer.alloc(4096));
    run('losetup', '--detach', run('losetup', '--find', '--show', file).trim());
    return undefined;
  } catch {
    return 'needs root and loop devices';
  } finally {
    rmSync(file, { force: true });
  }
}

const noLoop = findNoLoop();

/** LVM's programs work on devices only, and here without the kernel's device mapper: they read and write metadata. */
function lvm(device: string, command: string, ...args: string[]): string {
  const config = [
    `devices{use_devicesfile=0 filter=["a|^${device}$|","r|.*|"]}`,
    'devices{obtain_device_list_from_udev=0 external_device_info_source="none"}',
    'activation{udev_sync=0 udev_rules=0} backup{backup=0 archive=0}',
  ].join(' ');
  return run('lvm', command, '--driverloaded', 'n', '--config', config, ...args);
}

function groupOf({ volumeGroup }: DiskLayout) {
  if (volumeGroup === undefined) throw new Error('no volume group');
  return volumeGroup;
}

const rigWith = async (tree = TREE) => await layoutRig(tree);

const DIVIDED = {
  lvm: { group: 'sys-tem', free: 10 * MIB },
  partitions: [
    partition('/var/log', { name: 'logs' }),
    partition('/srv', { lvm: false }),
    partition('/boot'),
  ],
  swap: 18 * MIB,
} as const;

describe.skipIf(noWorkspace)('disks with LVM', () => {
  it('hold root, swap and partitions in one volume group, as GRUB, blkid and pvck read it', async () => {
    const { build, disks } = await rigWith();
    const { plan, disk } = await build(DIVIDED);
    const { layout } = plan;
    const group = groupOf(layout);
    const table = JSON.parse(run('sfdisk', '--json', disk)) as {
      partitiontable: { partitions: { type: string; name: string }[] };
    };
    expect(run('sfdisk', '--verify', disk)).toContain('No errors detected');
    const last = table.partitiontable.partitions.at(-1);
    expect(last).toMatchObject({ type: 'E6D6D379-F507-44C2-A23C-238F2A3DF928', name: 'lvm' });

    const physical = cut(disk, group.partition);
    expect(run('blkid', '-p', '-o', 'value', '-s', 'TYPE', physical).trim()).toBe('LVM2_member');
    expect(run('blkid', '-p', '-o', 'value', '-s', 'UUID', physical).trim()).toBe(group.physicalId);
    // Of a wrong checksum it says so.
    const headers = run('pvck', '--dump', 'headers', physical);
    expect(headers).not.toMatch(/error|invalid|wrong|mismatch|bad/i);
    expect(headers).toMatch(/metadata text at 4608 crc 0x[0-9a-f]+ # vgname sys-tem seqno 1\n/);
    expect(headers).toContain(`pv_header.device_size ${group.partition.sectors * SECTOR}\n`);

    expect(run('pvck', '--dump', 'metadata', physical)).toContain(`creation_time = ${EPOCH}\n`);

    expect(readByGrub(disk, 'sys--tem-boot', '/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    expect(readByGrub(disk, 'sys--tem-logs', '/journal/one')).toBe('one\n');
    expect(readByGrub(disk, 'sys--tem-root', '/var/two')).toBe('two\n');
    expect(readByGrub(disk, 'sys--tem-root', '/etc/fstab').trim().split('\n')).toEqual([
      `PARTUUID=${layout.volumes?.find(({ mount }) => mount === '/srv')?.partition.uuid} /srv ext4 defaults 0 2`,
      '/dev/mapper/sys--tem-boot /boot ext4 defaults 0 2',
      '/dev/mapper/sys--tem-logs /var/log ext4 defaults 0 2',
      '/dev/mapper/sys--tem-swap none swap sw 0 0',
    ]);
    expect(checkRoot(plan, disk)).toContain('Pass 5');
    for (const { partition: place } of layout.volumes ?? []) run('e2fsck', '-fn', cut(disk, place));
    const swap = cut(disk, layout.swap?.partition ?? layout.root);
    expect(run('swaplabel', swap)).toMatch(new RegExp(`LABEL: +swap\\nUUID: +${layout.swap?.uuid}`));
    expect(sha256((await build(DIVIDED)).disk)).toBe(sha256(disk));

    // The boot check finds the root among partitions and volumes.
    const login = { user: 'root', publicKey: 'ssh-ed25519 AAAA check' };
    const image = { path: disk, format: 'raw' } as const;
    const { path } = await makeDiskWithKey(disks.context(), image, temporaryFolder(), login);
    expect(debugfs(plan, path, 'cat /root/.ssh/authorized_keys')).toBe('ssh-ed25519 AAAA check\n');
  });

  it.skipIf(noLoop)(
    `are read, checked and changed by LVM itself${noLoop ? ` (${noLoop})` : ''}`,
    async () => {
      const { build } = await rigWith();
      const { plan, disk } = await build(DIVIDED);
      const group = groupOf(plan.layout);
      const physical = cut(disk, group.partition);
      const device = loopDevice(physical);
      const fields = ['--noheadings', '--separator', ':', '--units', 'm', '--nosuffix'];
      const shown = (what: string, columns: string): string[] =>
        lvm(device, what, ...fields, '-o', columns)
          .trim()
          .split(/\n\s*/);
      expect(shown('pvs', 'vg_name,pv_uuid,pe_start,pv_pe_count,pv_pe_alloc_count')).toEqual([
        `sys-tem:${group.physicalId}:1.00:${group.extents}:${group.extents - 3}`,
      ]);
      expect(shown('vgs', 'vg_uuid,lv_count,vg_free,vg_extent_size')).toEqual([`${group.id}:4:12.00:4.00`]);
      const first = (start: number): number => (start - group.dataStart) / 8192;
      expect(shown('lvs', 'lv_name,lv_uuid,lv_size,seg_pe_ranges,lv_time,lv_host').toSorted()).toEqual(
        group.volumes
          .map(({ name, uuid, start, sectors }) => {
            const range = `${device}:${first(start)}-${first(start + sectors) - 1}`;
            return `${name}:${uuid}:${(sectors / 2048).toFixed(2)}:${range}:2025-01-01 00:00:00 +0000:imgpipe`;
          })
          .toSorted(),
      );
      lvm(device, 'vgck', 'sys-tem');
      lvm(device, 'lvcreate', '-an', '-Wn', '-Zn', '-l', '1', '-n', 'more', 'sys-tem');
      lvm(device, 'lvextend', '-l', '+2', 'sys-tem/root');
      lvm(device, 'vgck', 'sys-tem');
      expect(shown('vgs', 'lv_count,vg_free')).toEqual(['5:0']);
      // What LVM has written behind ours is what counts now.
      const image = join(temporaryFolder(), 'disk');
      run('cp', '--sparse=always', disk, image);
      const seek = `seek=${(group.partition.start * SECTOR) / MIB}`;
      run('dd', `if=${physical}`, `of=${image}`, 'bs=1M', seek, 'conv=notrunc,sparse', 'status=none');
      await using file = await open(image);
      const found = await findVolumes(file);
      const { start, sectors } = plan.layout.root;
      expect(found).toContainEqual({ start: start + sectors, sectors: 8192 });
      // It has two pieces now.
      expect(found?.some((place) => place.start === start)).toBe(false);
    },
  );

  it.each(['xfs', 'btrfs'] as const)('have a root of %s in a group on an MBR disk', async (fileSystem) => {
    const { build } = await rigWith(`${TREE}\nsetfattr -x user.note etc/passwd`);
    const { plan, disk } = await build({ lvm: { group: 'vg0' }, fileSystem, table: 'mbr', firmware: 'bios' });
    expect(run('sfdisk', '--dump', disk)).toMatch(/type=8e, bootable\n$/);
    expect(readByGrub(disk, 'vg0-root', '/boot/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    const root = cut(disk, plan.layout.root);
    if (fileSystem === 'xfs') run('xfs_repair', '-n', '-f', root);
    else run('btrfs', 'check', '--force', root);
  });

  it('take edits of files as patches where the root is all there is', async () => {
    const { rig, disks, base } = await rigWith();
    const page = await rig.layer([base], 'echo new > srv/www/index.html');
    const request = disks.request([base, page], [1], { lvm: { group: 'vg0' } });
    const plan = await disks.plan(request);
    expect(plan.deltaLayers).toHaveLength(1);
    const image = await disks.patch(plan, await disks.base(plan));
    if (image === undefined) throw new Error('patched in a copy only');
    const disk = await disks.materialised(image);
    expect(readByGrub(disk, 'vg0-root', '/srv/www/index.html')).toBe('new\n');
    expect(sha256(disk)).toBe(sha256(await disks.full(request)));
  });

  it('have no volumes for a reader when their metadata is damaged', async () => {
    const { build } = await rigWith();
    const { plan, disk } = await build({ lvm: { group: 'vg0' } });
    const { partition: physical } = groupOf(plan.layout);
    const at = physical.start * SECTOR;
    const places = async (): Promise<unknown[]> => {
      await using file = await open(disk);
      return (await findVolumes(file))?.map(({ start }) => start) ?? [];
    };
    const before = plan.layout.table.partitions.slice(0, -1).map(({ start }) => start);
    expect(await places()).toEqual([...before, plan.layout.root.start]);
    const damage = async (position: number): Promise<void> => {
      await using file = await open(disk, 'r+');
      await file.write(Buffer.from('?'), 0, 1, position);
    };
    await damage(at + 4700);
    expect(await places()).toEqual(before);
    // Without a label it is a partition like any other.
    await damage(at + 600);
    expect(await places()).toEqual([...before, physical.start]);
    const file = join(temporaryFolder(), 'short');
    writeFileSync(file, 'no disk');
    await using short = await open(file);
    expect(await findVolumes(short)).toBeUndefined();
  });

  it('are refused before they are made when the image cannot start from them, or has no room', async () => {
    const { rig, disks } = await rigWith();
    const failure = async (tree: string, spec: Partial<DiskRequest['spec']> = {}) => {
      const layer = await rig.layer([], `${TREE}\n${tree}`);
      const request = disks.request([layer], [], { lvm: { group: 'vg0' }, ...spec });
      const result = await planDisk(request, rig.store);
      return result.ok ? undefined : result.failures[0];
    };
    expect(await failure(':')).toBeUndefined();
    expect(await failure('rm usr/sbin/lvm')).toMatchObject({
      reason: 'disk-failed',
      message: 'the image has no LVM, so it could not find its root in the volume group vg0',
      hint: expect.stringContaining('install the package lvm2 in a step') as string,
    });
    expect(await failure('rm boot/initrd.img-6.1.0-9')).toMatchObject({
      message: expect.stringContaining('/boot/vmlinuz-6.1.0-9 has no initial RAM disk') as string,
    });
    const small = { swap: 64 * MIB, partitions: [partition('/srv')], size: 160 * MIB };
    expect(await failure(':', { ...small, lvm: { group: 'vg0', free: 30 * MIB } })).toMatchObject({
      reason: 'image-too-large',
      message: expect.stringMatching(
        /^the volume group vg0 has 116 MiB on a disk of 160 MiB, and needs \d+ MiB: swap 64 MiB, srv 32 MiB, root \d+ MiB, free space 32 MiB$/,
      ) as string,
    });
    const files = 'head -c 40M /dev/zero | tr "\\0" x > srv/big';
    expect(await failure(files, { partitions: [partition('/srv', { size: 24 * MIB })] })).toMatchObject({
      message: 'the files below /srv do not fit a logical volume of 24 MiB',
    });
  });
});
