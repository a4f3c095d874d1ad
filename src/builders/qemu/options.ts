import * as z from 'zod';
import {
  checkSshOptions,
  communicatorError,
  signedDuration,
  sshFields,
} from '../../communicators/ssh/options.ts';
import { durationField } from '../../schema/fields.ts';
import { hostPath } from '../../schema/image-fields.ts';
import { parseSize } from '../../schema/units.ts';

const port = z.int().min(1).max(65_535);
/** VNC counts its displays from 5900. */
const vncPort = z.int().min(5900).max(65_535);
const MIB = 2 ** 20;

/** A size as Packer's qemu builder takes it: MiB as a number, or text with a unit; gives bytes. */
function mebibytes() {
  return z.union([z.int().positive(), z.string()]).transform((value, context) => {
    const bytes =
      typeof value === 'number' ? value * MIB : parseSize(/^\d+$/.test(value) ? `${value}M` : value);
    if (bytes !== undefined && bytes > 0) return bytes;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(value)} is not a size such as 1024 (MiB) or 2G`,
    });
    return z.NEVER;
  });
}

const machineFields = {
  name: z
    .string()
    .min(1)
    .default('imgpipe')
    .describe('Name of the machine: in its window and for `{{ .Name }}`.'),
  qemu_binary: z
    .string()
    .min(1)
    .optional()
    .describe("QEMU to run. Default: the one of the pipeline's architecture."),
  accelerator: z.enum(['kvm', 'tcg', 'hvf', 'whpx', 'xen', 'hax', 'none']).optional().meta({
    key: 'out',
    description:
      'Default: `kvm` where it truly works, else `tcg`; on macOS `hvf`, on Windows `whpx`. QEMU itself has `hax` up to version 8.1 only.',
  }),
  machine_type: z
    .string()
    .min(1)
    .optional()
    .describe("QEMU's machine: `q35`, `pc`, `virt` …. Default: q35, on arm64 virt."),
  cpu_model: z
    .string()
    .min(1)
    .optional()
    .describe('Processor. Default: `host` with an accelerator, else `max`.'),
  cpus: z
    .int()
    .min(1)
    .optional()
    .describe('Processors. Default: as many as `sockets`, `cores` and `threads` make, without these 2.'),
  sockets: z.int().min(1).optional().describe('Of them, sockets; with `cores` and `threads`.'),
  cores: z.int().min(1).optional().describe('Cores of each socket.'),
  threads: z.int().min(1).optional().describe('Threads of each core.'),
  memory: mebibytes()
    .default(2 ** 30)
    .describe('Memory: MiB as a number, or text such as `2G`. Default: 1 GiB.'),
  vga: z.string().min(1).default('std').describe('Screen adapter, e.g. `std`, `virtio`, `none`.'),
  firmware: z
    .union([z.enum(['bios', 'uefi']), z.string().min(1)])
    .optional()
    .describe('`bios`, `uefi`, or the path of a firmware file. Default: BIOS; UEFI on arm64.'),
  use_pflash: z
    .boolean()
    .default(false)
    .describe('Puts a firmware file into flash memory instead of `-bios`.'),
  efi_boot: z.boolean().default(false).describe('The same as `firmware: uefi`.'),
  efi_firmware_code: z
    .string()
    .min(1)
    .optional()
    .describe("UEFI firmware. Default: found by QEMU's descriptors."),
  efi_firmware_vars: z.string().min(1).optional().describe('Its variables, copied for the machine.'),
  vtpm: z.boolean().default(false).describe('Adds a TPM by swtpm.'),
  use_tpm1: z.boolean().default(false).describe('TPM 1.2 instead of 2.0.'),
  tpm_device_type: z.string().min(1).default('tpm-tis').describe("QEMU's device for it."),
};

const diskFields = {
  disk_size: mebibytes()
    .optional()
    .describe('Size of the disk. Default: 40 GiB for `iso`, else as the source is.'),
  disk_additional_size: z
    .array(mebibytes())
    .default([])
    .describe('More, empty disks for the build; only the first is exported.'),
  skip_resize_disk: z
    .boolean()
    .default(false)
    .describe("Leaves the source's size, whatever `disk_size` says."),
  disk_interface: z
    .enum(['virtio', 'virtio-scsi', 'ide', 'sata', 'scsi', 'nvme', 'sd'])
    .default('virtio')
    .describe('How disks are attached.'),
  disk_cache: z.enum(['writethrough', 'writeback', 'none', 'unsafe', 'directsync']).default('unsafe').meta({
    key: 'out',
    description: 'Host cache of disks. `unsafe`: nothing is flushed, as a build that dies keeps nothing.',
  }),
  disk_discard: z
    .enum(['unmap', 'ignore'])
    .default('unmap')
    .meta({ key: 'out', description: 'Whether freed blocks are given back.' }),
  disk_detect_zeroes: z
    .enum(['off', 'on', 'unmap'])
    .default('off')
    .meta({ key: 'out', description: 'Whether zeroes that are written take no room.' }),
  skip_compaction: z
    .boolean()
    .default(false)
    .describe('Does not trim file systems before the disk is written.'),
  qemu_img_args: z
    .strictObject({
      convert: z.array(z.string()).default([]).describe('For `convert`.'),
      create: z.array(z.string()).default([]).describe('For `create`.'),
      resize: z
        .array(z.string())
        .default([])
        .describe('Accepted for Packer templates: a disk gets its size when it is made.'),
    })
    .optional()
    .describe('More arguments of qemu-img.'),
};

const networkFields = {
  net_device: z.string().min(1).default('virtio-net').describe('Network card.'),
  net_bridge: z
    .string()
    .min(1)
    .optional()
    .describe("Bridge of this host to attach to, instead of QEMU's own network; needs `ssh_host`."),
  skip_nat_mapping: z
    .boolean()
    .default(false)
    .describe('Forwards no port; `ssh_host` and `ssh_port` say where the machine is.'),
  host_port_min: port.optional().meta({
    key: 'out',
    description: 'Lowest port of 127.0.0.1 that may lead to SSH. Default: any free one.',
  }),
  host_port_max: port.optional().meta({ key: 'out', description: 'Highest one.' }),
};

const screenFields = {
  headless: z.boolean().default(true).meta({ key: 'out', description: 'Without a window on this host.' }),
  display: z.string().min(1).default('gtk').meta({ key: 'out', description: 'Window when not headless.' }),
  use_default_display: z
    .boolean()
    .default(false)
    .meta({ key: 'out', description: "QEMU's default window when not headless." }),
  vnc_bind_address: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ key: 'out', description: 'Where VNC listens, when ports are given.' }),
  vnc_port_min: vncPort
    .optional()
    .meta({ key: 'out', description: 'Lowest VNC port. Default: no port, only a socket of this build.' }),
  vnc_port_max: vncPort.optional().meta({ key: 'out', description: 'Highest one.' }),
  vnc_use_password: z.boolean().default(false).meta({ key: 'out', description: 'VNC asks for a password.' }),
  vnc_password: z.string().max(8).optional().meta({
    key: 'out',
    secret: true,
    description: 'That password. Default: one that is made for the build, which nobody else knows.',
  }),
  disable_vnc: z.boolean().default(false).describe('No VNC: nothing can be typed.'),
  qmp_enable: z
    .boolean()
    .default(true)
    .meta({ key: 'out', description: 'Always on here: the builder needs it.' }),
  qmp_socket_path: z
    .string()
    .min(1)
    .optional()
    .meta({ key: 'out', description: 'One more QMP socket, for other programs.' }),
};

const mediaFields = {
  http_directory: hostPath()
    .optional()
    .describe('Folder that the machine can read over HTTP while it starts.'),
  http_content: z
    .record(z.string().startsWith('/'), z.string())
    .optional()
    .describe(
      'Texts by path to serve instead. `{{ .HTTPIP }}`, `{{ .HTTPPort }}`, `{{ .Name }}` and `{{ .SSHPublicKey }}` are filled in, as in `cd_content`.',
    ),
  http_port_min: port.default(8000).meta({ key: 'out', description: 'Lowest port of that server.' }),
  http_port_max: port.default(9000).meta({ key: 'out', description: 'Highest one.' }),
  http_bind_address: z.string().min(1).optional().meta({
    key: 'out',
    description:
      "Where it listens. Default: 127.0.0.1, which the machine's own network reaches, with `net_bridge` the address of the bridge.",
  }),
  http_interface: z.string().min(1).optional().meta({
    key: 'out',
    description: 'Interface of this host whose address `{{ .HTTPIP }}` is, with `net_bridge`.',
  }),
  http_network_protocol: z
    .enum(['tcp', 'tcp4', 'tcp6'])
    .default('tcp')
    .meta({ key: 'out', description: 'Accepted for Packer templates: the address says the IP version.' }),
  floppy_files: z.array(hostPath()).default([]).describe('Files, by glob too, for a floppy disk.'),
  floppy_dirs: z.array(hostPath()).default([]).describe('Folders for it.'),
  floppy_content: z.record(z.string().min(1), z.string()).default({}).describe('Texts for it, by name.'),
  floppy_label: z.string().max(11).default('packer').describe('Its label.'),
  cd_files: z.array(hostPath()).default([]).describe('Files and folders, by glob too, for a CD.'),
  cd_content: z.record(z.string().min(1), z.string()).default({}).describe('Texts for it, by name.'),
  cd_label: z.string().min(1).max(16).default('packer').describe('Its label; cloud-init looks for `cidata`.'),
  cdrom_interface: z
    .enum(['ide', 'sata', 'virtio', 'virtio-scsi', 'scsi'])
    .optional()
    .describe('How CDs are attached. Default: `virtio` for a seed made here, else `ide`.'),
  iso_skip_cache: z
    .boolean()
    .default(false)
    .meta({ key: 'out', description: 'Accepted for Packer templates: local media are never copied.' }),
  boot_wait: signedDuration()
    .default(10_000)
    .transform((ms) => Math.max(0, ms))
    .describe('Time between power-on and the first key. Below 0, as in Packer: none.'),
  boot_command: z.array(z.string()).default([]).describe("What to type, in Packer's language of keys."),
  boot_steps: z
    .array(z.array(z.string()).min(1).max(2))
    .default([])
    .describe('Instead: pairs of what to type and a note about it.'),
  boot_key_interval: durationField()
    .optional()
    .describe('Pause after each key that goes down or up. Default: PACKER_KEY_INTERVAL, else 100 ms.'),
  boot_keygroup_interval: durationField().default(0).describe('Pause after each text of the list.'),
  run_once: z
    .boolean()
    .default(false)
    .describe(
      'The installation is over when the machine restarts or switches itself off; it then starts from its disk, without the medium. For installers that power off.',
    ),
};

const buildFields = {
  communicator: z
    .enum(['ssh', 'none'], { error: communicatorError })
    .default('ssh')
    .describe(
      'How steps get into the machine. `none`: not at all: it runs once and is done when it switches itself off, within `shutdown_timeout`; for installers that do everything.',
    ),
  login: z
    .enum(['auto', 'cloud-init', 'credentials', 'own'])
    .default('auto')
    .describe(
      "How the key made for the build gets in: a NoCloud seed, systemd's credentials, or not at all because the ssh_ options say how to log in.",
    ),
  snapshots: z.enum(['auto', 'live', 'cold']).default('auto').meta({
    key: 'out',
    description:
      'What is kept of each step: memory and disk (`live`), the disk alone (`cold`), or memory too where no secret was in it (`auto`).',
  }),
  shutdown_command: z
    .string()
    .default('')
    .describe('Command that shuts the machine down. Default: the power button.'),
  shutdown_timeout: durationField().default(300_000).describe('How long that may take.'),
  reboot_timeout: durationField().default(600_000).describe('How long a restart in a step may take.'),
  qemuargs: z
    .array(z.array(z.string()).min(1))
    .default([])
    .describe(
      'Switches of QEMU with their values. A switch that is given here replaces all of that name that the builder would give; the network card stays beside devices of which none is one.',
    ),
};

export const qemuSchema = z
  .strictObject({
    ...machineFields,
    ...diskFields,
    ...networkFields,
    ...screenFields,
    ...mediaFields,
    ...buildFields,
    ...sshFields,
  })
  .superRefine((options, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (options.communicator === 'ssh') checkSshOptions(options, context);
    if (options.http_directory !== undefined && options.http_content !== undefined)
      refuse('http_content', 'http_directory and http_content exclude each other');
    if (options.boot_command.length > 0 && options.boot_steps.length > 0)
      refuse('boot_steps', 'boot_command and boot_steps exclude each other');
    if (options.disable_vnc && (options.boot_command.length > 0 || options.boot_steps.length > 0))
      refuse('disable_vnc', 'keys are typed over VNC');
    if (options.http_interface !== undefined && options.http_bind_address !== undefined)
      refuse('http_bind_address', 'http_interface and http_bind_address exclude each other');
    if (options.net_bridge !== undefined && options.ssh_host === undefined && options.communicator === 'ssh')
      refuse('net_bridge', 'a machine on a bridge needs `ssh_host`');
    for (const [low, high] of [
      ['host_port_min', 'host_port_max'],
      ['http_port_min', 'http_port_max'],
      ['vnc_port_min', 'vnc_port_max'],
    ] as const) {
      if ((options[low] ?? 1) > (options[high] ?? 65_535)) refuse(low, `is above ${high}`);
    }
  });

export type QemuOptions = z.output<typeof qemuSchema>;

/** Processors of the machine, and how many its topology has room for. As in Packer, room for fewer wins over `cpus`. */
export function processors({ cpus, sockets, cores, threads }: QemuOptions): {
  readonly count: number;
  readonly most: number;
} {
  const isPlain = sockets === undefined && cores === undefined && threads === undefined;
  const most = isPlain ? (cpus ?? 2) : (sockets ?? 1) * (cores ?? 1) * (threads ?? 1);
  return { count: Math.min(cpus ?? most, most), most };
}

/** Whether the options themselves say how to log in. */
export function hasOwnLogin(options: QemuOptions): boolean {
  return (
    options.ssh_password !== undefined || options.ssh_private_key_file !== undefined || options.ssh_agent_auth
  );
}
