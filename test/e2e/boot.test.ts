import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../src/diagnostics/failure.ts';
import type { ExportContext } from '../../src/exporters/exporter.ts';
import { qcow2Exporter } from '../../src/exporters/qcow2.ts';
import { sealEntries } from '../../src/exporters/seal.ts';
import { ukiExporter } from '../../src/exporters/uki.ts';
import type { View } from '../../src/model/layer.ts';
import { runHostCommand } from '../../src/util/exec.ts';
import { boot } from '../rigs/boot-image.ts';
import { checkRoot, DiskRig } from '../rigs/disk.ts';
import { diskImage, runExporter } from '../rigs/run-exporter.ts';
import { temporaryFolder } from '../rigs/temporary-folder.ts';
import { EPOCH, eventually, noWorkspace, RULES, WorkspaceRig } from '../rigs/workspace.ts';

const programs = ['/usr/bin/mmdebstrap', '/usr/bin/qemu-system-x86_64', '/usr/bin/grub-mkimage'];
const missing = noWorkspace ?? programs.find((path) => !existsSync(path));

const PACKAGES =
  'systemd-sysv,udev,dbus,linux-image-cloud-amd64,openssh-server,nginx-light,iproute2,e2fsprogs,systemd-boot-efi';

/** A Debian with a web server and SSH, as mmdebstrap makes it, in the current folder. */
const DEBIAN = `SOURCE_DATE_EPOCH=${EPOCH} mmdebstrap --quiet --variant=minbase --format=tar \
  --aptopt='APT::Install-Recommends "false"' --include=${PACKAGES} bookworm - | tar -x
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
  const serial = join(folder, 'serial.log');
  const flash = (file: string): string[] => ['-drive', `if=pflash,format=raw,file=${file}`];
  const drive = (source: string): string[] => ['-drive', `if=none,format=raw,${source}`];
  const machine = [
    '-M',
    'q35',
    '-m',
    '1024',
    '-display',
    'none',
    '-net',
    'none',
    '-serial',
    `file:${serial}`,
  ];
  const disks = [
    ...drive(`id=esp,file=fat:rw:${join(folder, 'esp')}`),
    ...['-device', 'virtio-blk-pci,drive=esp,bootindex=0'],
    ...drive(`id=root,snapshot=on,file=${disk}`),
    ...['-device', 'virtio-blk-pci,drive=root'],
  ];
  const firmware = [...flash(`${OVMF}_CODE_4M.fd,readonly=on`), ...flash(variables)];
  const qemu = spawn('qemu-system-x86_64', [...machine, ...firmware, ...disks], { stdio: 'ignore' });
  try {
    const console = eventually(() => (existsSync(serial) ? readFileSync(serial, 'latin1') : ''), 240_000);
    await console.toMatch(/Command line: [^\n]*imgpipe\.uki=1[^]*EXT4-fs \(vd[a-z]\d\): mounted/);
  } finally {
    qemu.kill('SIGKILL');
  }
}

describe.skipIf(missing)('a Debian image', () => {
  it('boots by BIOS with SSH and a grown disk, and patched with another page by UEFI', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const { workspace } = rig;
    const base = await rig.layer([], DEBIAN);
    const page = (text: string) => rig.layer([base], `echo '${text}' > var/www/html/index.html`);
    const sealed = async (view: View): Promise<View> => {
      const entries = await sealEntries(workspace, view);
      return [
        ...view,
        await workspace.writeLayer(entries, await workspace.placementFacts(view, entries), RULES),
      ];
    };
    const exported = async (disk: string): Promise<string> => {
      const context = { ...disks.context(), disk: { image: await diskImage(disk) } };
      unwrap(await qcow2Exporter.run(qcow2Exporter.schema.parse({}), context as unknown as ExportContext));
      return context.outputPath;
    };

    const first = await disks.plan(disks.request(await sealed([base, await page('page one')]), [1]));
    const basePath = await disks.base(first);
    const firstImage = await exported(await disks.patched(first, basePath));
    // A larger disk than the image: the machine has to take it over by itself.
    const resize = ['qemu-img', 'resize', '-q', firstImage, '4G'];
    await runHostCommand({
      argv: resize,
      env: { PATH: '/usr/bin' },
      signal: new AbortController().signal,
      onOutput: () => undefined,
    });
    await boot(firstImage, {
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
    await boot(await exported(patched), { firmware: 'uefi', http: [{ contains: 'page two' }] });

    const uki = join(temporaryFolder(), 'image.efi');
    const args = ['root=PARTLABEL=root', 'ro', 'console=ttyS0', 'imgpipe.uki=1'];
    const pipeline = { disk: { kernelArgs: [] } };
    unwrap(await runExporter(ukiExporter, { args }, uki, { layers: [base], workspace, pipeline }));
    await bootUki(uki, patched);
  });
});
