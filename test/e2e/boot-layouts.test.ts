import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { unwrap } from '../../src/diagnostics/failure.ts';
import { isoExporter } from '../../src/exporters/iso.ts';
import { vhdxExporter } from '../../src/exporters/vhdx.ts';
import { boot } from '../rigs/boot-image.ts';
import { DiskRig } from '../rigs/disk.ts';
import { runExporter } from '../rigs/run-exporter.ts';
import { temporaryFolder } from '../rigs/temporary-folder.ts';
import { EPOCH, noWorkspace, WorkspaceRig } from '../rigs/workspace.ts';

const programs = [
  '/usr/bin/mmdebstrap',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/xorriso',
  '/usr/sbin/mkfs.xfs',
];
const missing = noWorkspace ?? programs.find((path) => !existsSync(path));

const PACKAGES = 'systemd-sysv,udev,linux-image-cloud-amd64,live-boot,live-boot-initramfs-tools';

/** A Debian that can be a live system, as mmdebstrap makes it, in the current folder. */
const DEBIAN = `SOURCE_DATE_EPOCH=${EPOCH} mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt='APT::Install-Recommends "false"' --include=${PACKAGES} bookworm - | tar -x`;

describe.skipIf(missing)('a Debian image', () => {
  it('starts live from an ISO by BIOS and UEFI, and installed on a divided XFS disk with an MBR, as VHDX', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const { workspace } = rig;
    const base = await rig.layer([], DEBIAN);
    const pipeline = { disk: { kernelArgs: [] } };

    const iso = join(temporaryFolder(), 'live.iso');
    unwrap(await runExporter(isoExporter, {}, iso, { layers: [base], workspace, pipeline }));
    await boot(iso, { ready: 'Welcome to', console: ['squashfs'] }, 'raw');
    await boot(iso, { firmware: 'uefi', ready: 'Run /init as init process' }, 'raw');

    const partitions = ['/boot', '/var'].map((mount) => {
      return { mount, fileSystem: 'ext4', size: 'fit', free: 2 ** 26 } as const;
    });
    const spec = { table: 'mbr', firmware: 'bios', fileSystem: 'xfs', swap: 2 ** 26, partitions } as const;
    const divided = await disks.full(disks.request([base], [], spec));
    const vhdx = join(temporaryFolder(), 'divided.vhdx');
    unwrap(await runExporter(vhdxExporter, {}, vhdx, { disk: divided }));
    const expected = {
      console: [
        '(hd0,msdos2)/vmlinuz-',
        'Adding 65532k swap on /dev/vda1',
        'EXT4-fs (vda2): mounted',
        'EXT4-fs (vda3): mounted',
        'XFS (vda4): Ending clean mount',
      ],
    };
    await boot(vhdx, expected, 'vhdx');
  });
});
