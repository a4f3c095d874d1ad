import * as z from 'zod';
import { COMMUNICATOR_OPTIONS, checkCommunicator } from './communicator.ts';
import { type ComponentOptions, type PackerComponent, isSet, listOption, textOption } from './component.ts';
import { block, duration, flag, text, textList, textMap, whole } from './fields.ts';

const QEMU_OPTIONS = {
  ...COMMUNICATOR_OPTIONS,
  accelerator: text('How the processor is run: none, kvm, tcg, hax, hvf, whpx or xen.'),
  machine_type: text('Type of the machine.'),
  cpu_model: text('Model of the processor.'),
  cpus: whole('Number of processors.'),
  sockets: whole('Number of sockets.'),
  cores: whole('Cores of each socket.'),
  threads: whole('Threads of each core.'),
  memory: whole('Memory in MiB.'),
  disk_size: text('Size of the disk, in MiB or with a unit.'),
  disk_additional_size: textList('Sizes of further disks.'),
  disk_interface: text('How disks are attached.'),
  disk_cache: text('Cache of disks on the host.'),
  disk_discard: text('What becomes of freed blocks.'),
  disk_detect_zeroes: text('Whether zeroes that are written take room.'),
  disk_compression: flag('Compress the disk in the end.'),
  disk_image: flag('iso_url is the disk of an installed system.'),
  format: text('Format of the disk: qcow2 or raw.'),
  use_backing_file: flag('Let the disk stand on the source.'),
  skip_resize_disk: flag('Leave the size of the source.'),
  skip_compaction: flag('Do not make the disk small in the end.'),
  net_device: text('Network card.'),
  net_bridge: text('Bridge of the host to attach to.'),
  skip_nat_mapping: flag('Forward no port to the machine.'),
  host_port_min: whole('Lowest port of the host for SSH.'),
  host_port_max: whole('Highest port of the host for SSH.'),
  ssh_host_port_min: whole('Older name of host_port_min.'),
  ssh_host_port_max: whole('Older name of host_port_max.'),
  headless: flag('Show no window.'),
  display: text('Kind of the window.'),
  use_default_display: flag("Leave the window to QEMU's default."),
  vga: text('Screen adapter.'),
  vnc_bind_address: text('Address on which VNC listens.'),
  vnc_port_min: whole('Lowest port of VNC.'),
  vnc_port_max: whole('Highest port of VNC.'),
  vnc_use_password: flag('Protect VNC with a password.'),
  vnc_password: text('That password.'),
  disable_vnc: flag('No VNC, and nothing is typed.'),
  output_directory: text('Folder for the disk.'),
  vm_name: text('Name of the machine and of its file.'),
  qemu_binary: text('QEMU to run.'),
  qemuargs: z
    .array(z.array(z.string()))
    .optional()
    .meta({ description: 'Arguments for QEMU, each with its value.', packer: 'raw' }),
  qemu_img_args: block('More arguments for qemu-img.', {
    convert: textList('For convert.'),
    create: textList('For create.'),
    resize: textList('For resize.'),
  }),
  qmp_enable: flag('Open a QMP socket.'),
  qmp_socket_path: text('Path of that socket.'),
  firmware: text('Firmware file.'),
  use_pflash: flag('Put the firmware into flash memory.'),
  efi_boot: flag('Start by UEFI.'),
  efi_firmware_code: text('UEFI firmware.'),
  efi_firmware_vars: text('Variables of the UEFI firmware.'),
  efi_drop_efivars: flag('Do not keep the variables.'),
  vtpm: flag('Add a TPM.'),
  use_tpm1: flag('Version 1.2 of it.'),
  tpm_device_type: text('Its device.'),
  cdrom_interface: text('How CDs are attached.'),
  iso_skip_cache: flag('Use a local medium where it lies.'),
  iso_url: text('Medium, or disk.'),
  iso_urls: textList('Several addresses of it.'),
  iso_checksum: text('Checksum of it.'),
  iso_target_path: text('Where a download is kept.'),
  iso_target_extension: text('Ending of its name.'),
  boot_wait: duration('Time before the first key.'),
  boot_command: textList('What to type.', 'raw'),
  boot_steps: z
    .array(z.array(z.string()))
    .optional()
    .meta({ description: 'What to type, with notes.', packer: 'raw' }),
  boot_key_interval: duration('Pause after each key.'),
  boot_keygroup_interval: duration('Pause after each text.'),
  shutdown_command: text('Command that switches the machine off.'),
  shutdown_timeout: duration('How long that may take.'),
  run_once: flag('The machine ends instead of restarting.'),
  http_directory: text('Folder that the machine can read over HTTP.'),
  http_content: textMap('Texts that it can read instead.'),
  http_port_min: whole('Lowest port of that server.'),
  http_port_max: whole('Highest port of that server.'),
  http_bind_address: text('Address on which it listens.'),
  http_interface: text('Interface whose address the machine is told.'),
  http_network_protocol: text('IP version of that server.'),
  floppy_files: textList('Files for a floppy disk.'),
  floppy_dirs: textList('Folders for a floppy disk.'),
  floppy_content: textMap('Texts for a floppy disk.'),
  floppy_label: text('Label of the floppy disk.'),
  cd_files: textList('Files for a CD.'),
  cd_content: textMap('Texts for a CD.'),
  cd_label: text('Label of the CD.'),
};

const ACCELERATORS = ['none', 'kvm', 'tcg', 'hax', 'hvf', 'whpx', 'xen'];

export const qemuBuilder: PackerComponent = {
  role: 'builder',
  type: 'qemu',
  summary: 'Installs or starts a virtual machine of QEMU and keeps its disk',
  schema: z.object(QEMU_OPTIONS),
  check: (options, world) => {
    const errors = checkCommunicator(options, world);
    const media = [isSet(options, 'iso_url'), listOption(options, 'iso_urls').length > 0];
    if (media.every((given) => !given)) errors.push('One of iso_url or iso_urls must be specified');
    if (media.every(Boolean)) errors.push('Only one of iso_url or iso_urls may be specified');
    if (!isSet(options, 'iso_checksum')) errors.push('A checksum must be specified');
    const format = textOption(options, 'format');
    if (!['', 'qcow2', 'raw'].includes(format))
      errors.push("invalid format, only 'qcow2' or 'raw' are allowed");
    const accelerator = textOption(options, 'accelerator');
    if (accelerator !== '' && !ACCELERATORS.includes(accelerator)) {
      errors.push(
        "invalid accelerator, only 'kvm', 'tcg', 'xen', 'hax', 'hvf', 'whpx', or 'none' are allowed",
      );
    }
    if (isSet(options, 'use_backing_file') && (!isSet(options, 'disk_image') || format === 'raw'))
      errors.push('use_backing_file can only be enabled for QCOW2 images and when disk_image is true');
    return { errors, warnings: ['min', 'max'].flatMap((end) => oldPort(options, end)) };
  },
};

const oldPort = (options: ComponentOptions, end: string): string[] =>
  isSet(options, `ssh_host_port_${end}`)
    ? [
        `ssh_host_port_${end} is deprecated and is being replaced by host_port_${end}. Please, update your template to use host_port_${end}. In future versions of Packer, inclusion of ssh_host_port_${end} will error your builds.`,
      ]
    : [];
