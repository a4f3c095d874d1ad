import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { makeDiskPatch } from '../../../src/exporters/disk/sparse-patch.ts';
import { SECTOR } from '../../../src/exporters/disk/gpt.ts';
import { rootVolume } from '../../../src/exporters/disk/layout.ts';
import { planDisk } from '../../../src/exporters/disk/plan-disk.ts';
import type { DiskRequest } from '../../../src/model/disk-request.ts';
import { BOOTABLE_TREE, sha256 } from '../../rigs/disk.ts';
import { cut, layoutRig, partition, run } from '../../rigs/disk-layout.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { EPOCH, noWorkspace } from '../../rigs/workspace.ts';

const MIB = 2 ** 20;

/** What sfdisk, a program of others, makes of a disk's partition table. */
function table(disk: string): { label: string; partitions: { type: string; uuid?: string; size: number }[] } {
  const dump = JSON.parse(run('sfdisk', '--json', disk)) as { partitiontable: ReturnType<typeof table> };
  return dump.partitiontable;
}

/** Content of a file as GRUB reads it from a whole disk, the way it reads the kernel. */
function readByGrub(disk: string, place: string, path: string): string {
  return run('grub-fstest', disk, 'cat', `(loop0,${place})${path}`);
}

describe.skipIf(noWorkspace)('disk layouts', () => {
  it('divides the tree between partitions, and tells the image of them', async () => {
    const { build, disks } = await layoutRig(
      `${BOOTABLE_TREE}\nmkdir -p var/lib/db/x boot/efi/EFI/tools; echo table > var/lib/db/x/t; echo log > var/log\n` +
        'echo shell > boot/efi/EFI/tools/shell.efi; echo "/dev/old /boot ext2 ro 0 0" > etc/fstab; echo "tmpfs /x tmpfs rw 0 0" >> etc/fstab',
    );
    const spec = {
      partitions: [
        partition('/var'),
        partition('/boot'),
        partition('/var/lib/db', { size: 24 * MIB }),
        partition('/new/one'),
      ],
      swap: 20 * MIB,
      espMount: '/boot/efi',
    };
    const { plan, disk } = await build(spec);
    const { layout } = plan;
    const found = table(disk);
    expect(found.label).toBe('gpt');
    expect(found.partitions.map(({ uuid }) => uuid?.toLowerCase())).toEqual(
      layout.table.partitions.map(({ uuid }) => uuid),
    );
    expect(run('sfdisk', '--verify', disk)).toContain('No errors detected');

    const folders = Object.fromEntries(
      [...(layout.volumes ?? []), rootVolume(layout)].map((volume) => {
        const file = cut(disk, volume.partition);
        expect(run('e2fsck', '-fn', file)).toContain('Pass 5');
        expect(run('blkid', '-p', '-o', 'value', '-s', 'UUID', file).trim()).toBe(volume.uuid);
        const folder = `${file}.tree`;
        mkdirSync(folder);
        run('debugfs', '-R', `rdump / ${folder}`, file);
        return [volume.mount, folder];
      }),
    );
    const files = (mount: string): string[] => {
      const args = [folders[mount] ?? '', '-mindepth', '1', '-type', 'f', '-printf', '%P\n'];
      return run('find', ...args)
        .trim()
        .split('\n')
        .toSorted();
    };
    expect(files('/boot')).toEqual(['initrd.img-6.1.0-9', 'vmlinuz-6.1.0-9']);
    expect(files('/var')).toEqual(['log']);
    expect(files('/var/lib/db')).toEqual(['x/t']);
    expect(files('/new/one')).toEqual(['']);
    expect(files('/').filter((path) => /^(boot|var|new)/.test(path))).toEqual([]);
    const mounts = run('find', folders['/'] ?? '', '-type', 'd', '-printf', '/%P\n').split('\n');
    expect(mounts).toEqual(expect.arrayContaining(['/boot', '/var', '/new/one']));

    const fstab = run('cat', join(folders['/'] ?? '', 'etc/fstab'))
      .trim()
      .split('\n');
    const uuidOf = (mount: string): string =>
      layout.volumes?.find((volume) => volume.mount === mount)?.partition.uuid ?? '';
    expect(fstab).toEqual([
      'tmpfs /x tmpfs rw 0 0',
      `PARTUUID=${uuidOf('/var')} /var ext4 defaults 0 2`,
      `PARTUUID=${uuidOf('/boot')} /boot ext4 defaults 0 2`,
      `PARTUUID=${uuidOf('/new/one')} /new/one ext4 defaults 0 2`,
      `PARTUUID=${uuidOf('/var/lib/db')} /var/lib/db ext4 defaults 0 2`,
      `PARTUUID=${layout.esp?.uuid} /boot/efi vfat umask=0077 0 2`,
      `PARTUUID=${layout.swap?.partition.uuid} none swap sw 0 0`,
    ]);
    // findmnt knows the syntax of fstab(5).
    const lines = join(disks.folder, 'fstab');
    writeFileSync(lines, `${fstab.join('\n')}\n`);
    expect(run('findmnt', '--tab-file', lines, '-n', '-o', 'TARGET', '-l').trim().split('\n')).toHaveLength(
      7,
    );

    const swap = cut(disk, layout.swap?.partition ?? layout.root);
    expect(run('swaplabel', swap)).toMatch(new RegExp(`LABEL: +swap\\nUUID: +${layout.swap?.uuid}`));

    const esp = `${disk}@@${(layout.esp?.start ?? 0) * SECTOR}`;
    expect(run('mtype', '-i', esp, '::/EFI/tools/shell.efi')).toBe('shell\n');
    expect(run('mdir', '-b', '-i', esp, '::/EFI/BOOT')).toContain('BOOTX64.EFI');
    const number = layout.table.partitions.findIndex(({ uuid }) => uuid === uuidOf('/boot')) + 1;
    expect(readByGrub(disk, `gpt${number}`, '/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    expect(sha256((await build(spec)).disk)).toBe(sha256(disk));
  });

  it('keeps owner, mode and time of the top folders of partitions', async () => {
    const { build } = await layoutRig();
    const { plan, disk } = await build({
      partitions: [partition('/srv/log'), partition('/srv/www', { fileSystem: 'xfs' })],
    });
    const [log, www] = (plan.layout.volumes ?? []).map((volume) => cut(disk, volume.partition));
    expect(run('debugfs', '-R', 'stat /', log ?? '')).toMatch(/Mode: +02750[^]*User: +33 +Group: +33/);
    expect(run('e2fsck', '-fn', log ?? '')).toContain('Pass 5');
    expect(run('xfs_db', '-r', '-c', 'path /', '-c', 'print core', www ?? '')).toMatch(/uid = 33\n/);
  });

  it('has an MBR with a loader before the first partition', async () => {
    const { build } = await layoutRig();
    const { plan, disk } = await build({ table: 'mbr', partitions: [partition('/boot')], swap: 8 * MIB });
    const found = table(disk);
    expect(found.label).toBe('dos');
    expect(found.partitions.map(({ type }) => type)).toEqual(['ef', '82', '83', '83']);
    expect(run('sfdisk', '--verify', disk)).toContain('No errors detected');
    const partUuid = run('partx', '-g', '-o', 'UUID', disk).trim().split('\n').at(-1)?.trim();
    expect(partUuid).toBe(plan.layout.root.uuid);
    expect(run('parted', '-sm', disk, 'unit', 's', 'print').split('\n')[1]).toContain(':msdos:');
    expect(run('e2fsck', '-fn', cut(disk, plan.layout.root))).toContain('Pass 5');
    expect(run('file', '-b', disk)).toContain('boot sector');
    expect(readByGrub(disk, 'msdos3', '/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    expect(
      sha256((await build({ table: 'mbr', partitions: [partition('/boot')], swap: 8 * MIB })).disk),
    ).toBe(sha256(disk));
  });

  it('patches files into an MBR disk as into a GPT disk', async () => {
    const { rig, disks, base } = await layoutRig();
    const page = await rig.layer([base], 'echo new > srv/www/index.html');
    const request = disks.request([base, page], [1], { table: 'mbr', firmware: 'bios' });
    const plan = await disks.plan(request);
    expect(plan.deltaLayers).toHaveLength(1);
    const image = await disks.patch(plan, await disks.base(plan));
    if (image === undefined) throw new Error('patched in a copy only');
    expect(sha256(await disks.materialised(image))).toBe(sha256(await disks.full(request)));
  });

  it('has an XFS root with owners, set-id and sticky bits and times, the same bytes each time', async () => {
    const { build, disks } = await layoutRig(
      `${BOOTABLE_TREE}\nsetfattr -x user.note etc/passwd; chown 5:70000 etc/old; chmod 4755 etc/old; touch -d @1000000000 etc/old\n` +
        'mkdir -m 1777 tmp; mkfifo pipe; mknod -m 640 disk b 8 300; chgrp 6 disk; mkdir deep; cd deep; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); : > file-$i; done',
    );
    const { plan, disk } = await build({ fileSystem: 'xfs' });
    const root = cut(disk, plan.layout.root);
    expect(run('blkid', '-p', '-o', 'value', '-s', 'TYPE', root).trim()).toBe('xfs');
    run('xfs_repair', '-n', '-f', root);
    const core = (path: string): string =>
      run('xfs_db', '-r', '-c', `path ${path}`, '-c', 'print core', root);
    expect(core('/etc/old')).toMatch(
      /mode = 0104755[^]*uid = 5\n[^]*gid = 70000\n[^]*mtime.sec = Sun Sep +9 01:46:40 2001/,
    );
    expect(core('/tmp')).toContain('core.mode = 041777');
    expect(core('/srv/log')).toContain('core.mode = 042750');
    expect(core('/deep/file-2999')).toContain('core.uid = 0\n');
    expect(core('/pipe')).toContain('core.mode = 010');
    expect(core('/disk')).toMatch(/mode = 060640[^]*gid = 6\n/);
    expect(run('xfs_db', '-r', '-c', 'path /disk', '-c', 'print u3.dev', root)).toContain('0x20012c');
    const partition = plan.layout.table.partitions.length;
    expect(readByGrub(disk, `gpt${partition}`, '/boot/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    expect(readByGrub(disk, `gpt${partition}`, '/srv/www/index.html')).toBe('old\n');
    expect(sha256((await build({ fileSystem: 'xfs' })).disk)).toBe(sha256(disk));
    expect(unwrap(await makeDiskPatch(plan, { ...disks.context(), basePath: disk }))).toEqual([]);
  });

  it('has an XFS root also where mkfs.xfs finds no room with the usual number of groups', async () => {
    const { build } = await layoutRig(`${BOOTABLE_TREE}\nsetfattr -x user.note etc/passwd`);
    const folder = temporaryFolder();
    const said = 'mkfs.xfs: directory createname error [28 - No space left on device]';
    const refusing = `#!/bin/sh\ncase "$*" in *agcount=4*) echo '${said}' >&2; exit 1; esac\nexec /usr/sbin/mkfs.xfs "$@"\n`;
    writeFileSync(join(folder, 'mkfs.xfs'), refusing, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { plan, disk } = await build({ fileSystem: 'xfs' });
    const root = cut(disk, plan.layout.root);
    run('xfs_repair', '-n', '-f', root);
    expect(run('xfs_db', '-r', '-c', 'sb 0', '-c', 'print agcount', root)).toContain('agcount = 3\n');
    expect(run('xfs_db', '-r', '-c', 'path /srv/log', '-c', 'print core.mode', root)).toContain('042750');
  });

  it('has a btrfs root with attributes and hard links', async () => {
    const { build } = await layoutRig();
    const { plan, disk } = await build({ fileSystem: 'btrfs' });
    const root = cut(disk, plan.layout.root);
    run('btrfs', 'check', '--force', root);
    const folder = `${root}.tree`;
    mkdirSync(folder);
    run('btrfs', 'restore', '-xmS', root, folder);
    const stat = (path: string): string => run('stat', '-c', '%a %u:%g %Y', join(folder, path)).trim();
    expect(stat('etc/old')).toBe('644 0:0 1000000000');
    expect(stat('srv/log')).toBe(`2750 33:33 ${EPOCH}`);
    expect(run('getfattr', '-n', 'user.note', '--only-values', join(folder, 'etc/passwd'))).toBe('kept');
    expect(run('readlink', join(folder, 'etc/alias')).trim()).toBe('passwd');
    const partition = plan.layout.table.partitions.length;
    expect(readByGrub(disk, `gpt${partition}`, '/boot/vmlinuz-6.1.0-9')).toHaveLength(300_000);
    expect(run('btrfs', 'inspect-internal', 'dump-super', root)).toContain(plan.layout.rootUuid);
    expect(run('btrfs', 'inspect-internal', 'dump-tree', '-t', 'fs', root)).toMatch(/mode 100644 links 2 /);
  });

  it.each(['xfs', 'btrfs'] as const)('says when files do not fit a partition of %s', async (fileSystem) => {
    const { rig, disks, base } = await layoutRig(
      `${BOOTABLE_TREE}\nsetfattr -x user.note etc/passwd; mkdir data; head -c 400M /dev/urandom > data/big`,
    );
    const small = partition('/data', { fileSystem, size: 320 * MIB });
    const request = disks.request([base], [], { partitions: [small], firmware: 'bios' });
    expect(await planDisk(request, rig.store)).toMatchObject({
      ok: false,
      failures: [{ reason: 'image-too-large', message: expect.stringContaining('/data') as string }],
    });
  });

  it('refuses what could lead out of the image, and what a file system cannot hold', async () => {
    const { rig, disks } = await layoutRig();
    const failure = async (tree: string, spec: Partial<DiskRequest['spec']>): Promise<string> => {
      const base = await rig.layer([], `${BOOTABLE_TREE}\n${tree}`);
      const result = await planDisk(disks.request([base], [], spec), rig.store);
      return result.ok ? 'no failure' : result.failures.map(({ message }) => message).join('\n');
    };
    const data = [partition('/srv/data')];
    expect(await failure('rm -r srv; ln -s /etc srv', { partitions: data })).toContain(
      '/srv of the image is a symlink',
    );
    expect(await failure('ln -s /etc/passwd etc/fstab', { swap: MIB })).toContain(
      '/etc/fstab of the image is a symlink',
    );
    expect(await failure(':', { fileSystem: 'xfs' })).toContain(
      'extended attributes (capabilities, ACLs): /etc/passwd',
    );
    expect(await failure('setfattr -x user.note etc/passwd; : > "etc/a b"', { fileSystem: 'xfs' })).toContain(
      'in names: /etc/a b',
    );
    const log = [partition('/srv/log', { fileSystem: 'btrfs' })];
    expect(await failure(':', { partitions: log })).toContain('/srv/log cannot be the top folder of a btrfs');
    const esp = { espMount: '/efi' };
    expect(await failure('mkdir efi; ln -s x efi/l', esp)).toContain('/efi/l is a symlink');
    expect(await failure('mkdir efi; head -c 50M /dev/zero | tr "\\0" x > efi/l', esp)).toContain(
      'do not fit an EFI system partition of 40 MiB',
    );
  });
});
