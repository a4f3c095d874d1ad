import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../src/diagnostics/failure.ts';
import type { ExporterKind } from '../../src/exporters/exporter.ts';
import { isoExporter } from '../../src/exporters/iso.ts';
import { qcow2Exporter } from '../../src/exporters/qcow2.ts';
import { rawExporter } from '../../src/exporters/raw.ts';
import { sealEntries } from '../../src/exporters/seal.ts';
import { ukiExporter } from '../../src/exporters/uki.ts';
import { vhdxExporter } from '../../src/exporters/vhdx.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { LayerRef, View } from '../../src/model/layer.ts';
import { sh } from '../rigs/all-formats.ts';
import { boot, bootMachine } from '../rigs/boot-image.ts';
import { checkRoot, debugfs, DiskRig } from '../rigs/disk.ts';
import { endOfFile } from '../rigs/end-of-file.ts';
import { runExporter, type ExportRun } from '../rigs/run-exporter.ts';
import { temporaryFolder } from '../rigs/temporary-folder.ts';
import { EPOCH, noWorkspace, RULES, WorkspaceRig } from '../rigs/workspace.ts';

const programs = [
  '/usr/bin/mmdebstrap',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/grub-mkimage',
  '/usr/bin/xorriso',
  '/usr/sbin/mkfs.xfs',
];
const missing = noWorkspace ?? programs.find((path) => !existsSync(path));

const SERVER =
  'systemd-sysv,udev,dbus,linux-image-cloud-amd64,openssh-server,nginx-light,iproute2,e2fsprogs,lvm2';
const MEDIA = 'live-boot,live-boot-initramfs-tools,systemd-boot-efi';

/** A Debian with a web server and SSH that can be a live system, as mmdebstrap makes it, in the current folder. */
const DEBIAN = `DPKG_FORCE=unsafe-io SOURCE_DATE_EPOCH=${EPOCH} mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt='APT::Install-Recommends "false"' --include=${SERVER},${MEDIA} bookworm - | tar -x
mkdir -p etc/systemd/network etc/systemd/system/multi-user.target.wants
printf '[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n' > etc/systemd/network/80-dhcp.network
ln -s /lib/systemd/system/systemd-networkd.service etc/systemd/system/multi-user.target.wants/
echo boot-test > etc/hostname; rm -f etc/resolv.conf; : > etc/ssh/ssh_host_rsa_key`;

/** Debian's UEFI firmware for QEMU. */
const OVMF = '/usr/share/OVMF/OVMF';

/** Starts a unified kernel image from an EFI partition of its own, and waits until it has mounted the disk's root. */
async function bootUki(uki: string, disk: string): Promise<void> {
  const folder = temporaryFolder();
  const loader = join(folder, 'esp', 'EFI', 'BOOT');
  mkdirSync(loader, { recursive: true });
  copyFileSync(uki, join(loader, 'BOOTX64.EFI'));
  const variables = join(folder, 'variables.fd');
  copyFileSync(`${OVMF}_VARS_4M.fd`, variables);
  const flash = (file: string): string[] => ['-drive', `if=pflash,format=raw,file=${file}`];
  const drive = (source: string): string[] => ['-drive', `if=none,format=raw,${source}`];
  const disks = [
    ...drive(`id=esp,file=fat:rw:${join(folder, 'esp')}`),
    ...['-device', 'virtio-blk-pci,drive=esp,bootindex=0'],
    ...drive(`id=root,snapshot=on,file=${disk}`),
    ...['-device', 'virtio-blk-pci,drive=root'],
  ];
  const firmware = [...flash(`${OVMF}_CODE_4M.fd,readonly=on`), ...flash(variables)];
  const mounted = /Command line: [^\n]*imgpipe\.uki=1[^]*EXT4-fs \(vd[a-z]\d\): mounted/;
  await bootMachine([...firmware, ...disks], mounted);
}

const atEnd = endOfFile();

describe.skipIf(missing)('a Debian image', () => {
  let rig: WorkspaceRig;
  let base: LayerRef;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imgpipe-test-boot-'));
    const workspace = await openWorkspace({ storeDirectory: join(folder, 'store') });
    atEnd(async () => {
      await workspace[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });
    rig = new WorkspaceRig(workspace);
    base = await rig.layer([], DEBIAN);
  });

  const exported = async (kind: ExporterKind, options: object, from: ExportRun): Promise<string> => {
    const path = join(temporaryFolder(), 'image');
    const pipeline = { disk: { kernelArgs: [] } };
    unwrap(await runExporter(kind, options, path, { workspace: rig.workspace, pipeline, ...from }));
    return path;
  };

  it('boots by BIOS with SSH and a grown disk, and patched with another page by UEFI', async () => {
    const { workspace } = rig;
    const disks = new DiskRig(rig);
    const page = (text: string) => rig.layer([base], `echo '${text}' > var/www/html/index.html`);
    const sealed = async (view: View): Promise<View> => {
      const entries = await sealEntries(workspace, view);
      return [
        ...view,
        await workspace.writeLayer(entries, await workspace.placementFacts(view, entries), RULES),
      ];
    };
    const first = await disks.plan(disks.request(await sealed([base, await page('page one')]), [1]));
    const basePath = await disks.base(first);
    const image = await exported(qcow2Exporter, {}, { disk: await disks.patched(first, basePath) });
    // A larger disk than the image: the machine has to take it over by itself.
    sh('qemu-img resize -q -f qcow2 "$0" 4G', image);
    await boot(image, {
      firmware: 'bios',
      ports: [{ port: 22, banner: 'SSH-2.0' }, 80],
      http: [{ contains: 'page one' }],
      units: ['nginx.service', 'ssh.service'],
      commands: [
        { run: '[ "$(df -m --output=size / | tail -1)" -gt 3500 ]' },
        { run: 'systemctl --failed --no-legend --plain; [ -z "$(systemctl --failed --no-legend)" ]' },
        {
          run: 'ls /etc/ssh/ssh_host_ed25519_key && [ -s /etc/ssh/ssh_host_rsa_key ] && [ -s /etc/machine-id ]',
        },
        { run: '[ ! -d /sys/firmware/efi ]' },
      ],
    });

    const second = await disks.plan(disks.request(await sealed([base, await page('page two')]), [1]));
    expect(second.baseKey).toBe(first.baseKey);
    const patched = await disks.patched(second, basePath);
    checkRoot(second, patched);
    const raw = await exported(rawExporter, {}, { disk: patched });
    expect(debugfs(second, patched, 'cat /var/www/html/index.html')).toBe('page two\n');
    // sample.test.ts asks a patched disk for its page, by UEFI.
    await boot(raw, { firmware: 'uefi', ready: 'EXT4-fs (vda3): mounted' }, 'raw');

    const args = ['root=PARTLABEL=root', 'ro', 'console=ttyS0', 'imgpipe.uki=1'];
    await bootUki(await exported(ukiExporter, { args }, { layers: [base] }), patched);
  });

  it('starts live from an ISO by BIOS and UEFI', async () => {
    const iso = await exported(isoExporter, {}, { layers: [base] });
    await boot(iso, { ready: 'Welcome to', console: ['squashfs'] }, 'raw');
    await boot(iso, { firmware: 'uefi', ready: 'Run /init as init process' }, 'raw');
  });

  it('starts from a divided XFS disk with LVM and an MBR, as VHDX', async () => {
    const disks = new DiskRig(rig);
    const sizes = { fileSystem: 'ext4', size: 'fit', free: 2 ** 26 } as const;
    const partitions = [
      { mount: '/boot', ...sizes },
      { mount: '/var', ...sizes, lvm: false },
    ];
    const form = { table: 'mbr', firmware: 'bios', fileSystem: 'xfs', lvm: { group: 'my-group' } } as const;
    const spec = { ...form, swap: 2 ** 26, partitions, free: 2 ** 28 };
    const disk = await disks.full(disks.request([base], [], spec));
    const expected = {
      // Not until somebody can log in: all of it is there before.
      ready: 'Linux version',
      grace: '5m',
      console: [
        // What GRUB calls the volume that it reads the kernel from, then how the kernel sees them all.
        '(lvm/my--group-boot)/vmlinuz-',
        'root=/dev/mapper/my--group-root',
        'Adding 65532k swap on /dev/mapper/my--group-swap',
        'EXT4-fs (vda1): mounted',
        'EXT4-fs (dm-1): mounted',
        'XFS (dm-2): Ending clean mount',
      ],
    };
    await boot(await exported(vhdxExporter, {}, { disk }), expected, 'vhdx');
  });
});
