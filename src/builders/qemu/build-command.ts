import type { UefiFirmware } from './firmware.ts';
import { processors, type QemuOptions } from './options.ts';
import type { QemuTarget } from './qemu-command.ts';

export type DiskInterface = QemuOptions['disk_interface'];

/** A machine of a build, as it is to be started. Paths are absolute. */
export interface BuildMachine {
  readonly options: QemuOptions;
  readonly target: QemuTarget;
  readonly accelerator: string;
  /** qcow2; the first one is the machine's system. */
  readonly disks: readonly string[];
  readonly cdroms: readonly { readonly path: string; readonly interface: DiskInterface }[];
  readonly floppy?: string;
  readonly firmware: UefiFirmware | { readonly file: string } | undefined;
  /** Ports of 127.0.0.1 by the machine's ports. */
  readonly forwards: ReadonlyMap<number, number>;
  readonly consoleFile: string;
  readonly qmpSocket: string;
  /** `unix:PATH` or `HOST:DISPLAY`, with VNC's own options. */
  readonly vnc?: string;
  readonly tpmSocket?: string;
  /** Instead of a boot loader. */
  readonly kernel?: { readonly path: string; readonly initrd?: string; readonly append: string };
  /** Line of authorized_keys for root, for systemd's credentials. */
  readonly publicKey?: string;
  /** Where the state of the machine comes from (QEMU's URI); it starts when it is there. */
  readonly incoming?: string;
  /** Ends when the machine restarts, instead of starting again. */
  readonly noReboot: boolean;
  /** Boots from the CD the first time. */
  readonly fromCd: boolean;
  /** The user's `qemuargs`, filled in. */
  readonly overrides: readonly (readonly string[])[];
}

/** A switch and its value. */
type Switch = readonly [string] | readonly [string, string];

/**
 * The command of a build's machine. Switches that the user gives replace all of that name, as in Packer; those by which
 * the builder controls the machine are not among them. The kernel ends it when imgpipe dies (setpriv --pdeathsig).
 */
export function buildCommand(machine: BuildMachine): readonly [string, ...string[]] {
  const { options, target, overrides } = machine;
  const given = overrides.map(givenSwitch);
  const replaced = replacedBy(given);
  const switches: Switch[] = [
    ...defaultSwitches(machine).filter(([name]) => !replaced.has(name)),
    ...given,
    ...(replaced.has('-device') ? cardBeside(given, options) : []),
    ...controlSwitches(machine),
  ];
  const program = options.qemu_binary ?? target.program;
  return ['setpriv', '--pdeathsig', 'KILL', program, ...switches.flat()];
}

/** A switch as the user gives it: its words after the name are one value, and an empty one is none. */
function givenSwitch([name = '', ...words]: readonly string[]): Switch {
  const value = words.join('');
  return value === '' ? [name] : [name, value];
}

/** Names of the builder's own switches that give way. */
function replacedBy(given: readonly Switch[]): ReadonlySet<string> {
  const names = new Set<string>(given.map(([name]) => (name === '-M' ? '-machine' : name)));
  const namesAccelerator = ([name, value = '']: Switch): boolean =>
    name === '-enable-kvm' || (/^-(machine|M)$/.test(name) && /(^|,)accel=/.test(value));
  // QEMU takes it in one of these places only.
  if (given.some(namesAccelerator)) names.add('-accel');
  return names;
}

/** The network card, when the user's devices took the place of ours and have none. */
function cardBeside(given: readonly Switch[], { net_device: device }: QemuOptions): Switch[] {
  const isCard = (value: string): boolean => value.includes(device) || /(^|,)netdev=/.test(value);
  const has = given.some(([name, value = '']) => name === '-device' && isCard(value));
  return has ? [] : [['-device', `${device},netdev=user.0`]];
}

function defaultSwitches(machine: BuildMachine): Switch[] {
  const { options, target, firmware } = machine;
  const { count, most } = processors(options);
  const topology = (['sockets', 'cores', 'threads'] as const).flatMap((name) =>
    options[name] === undefined ? [] : [`${name}=${options[name]}`],
  );
  const cpu = options.cpu_model ?? (machine.accelerator.startsWith('tcg') ? target.emulatedCpu : 'host');
  return [
    ['-name', value(options.name)],
    ['-machine', options.machine_type ?? target.machine],
    ['-accel', machine.accelerator],
    ['-cpu', cpu],
    ['-m', `${Math.round(options.memory / 2 ** 20)}M`],
    ['-smp', [`${count}${count < most ? `,maxcpus=${most}` : ''}`, ...topology].join(',')],
    ...displaySwitches(machine),
    ...firmwareSwitches(firmware, options),
    ...machine.disks.flatMap((path, index) => driveSwitches(machine, path, index)),
    ...machine.cdroms.flatMap((cdrom, index) => cdromSwitches(cdrom, index)),
    ...(machine.floppy === undefined ? [] : [['-fda', machine.floppy] as const]),
    ['-boot', machine.fromCd ? 'once=d' : 'c'],
    ...networkSwitches(machine),
    ...(machine.kernel === undefined ? [] : kernelSwitches(machine.kernel)),
    ...(machine.noReboot ? [['-no-reboot'] as const] : []),
    ['-serial', `file:${value(machine.consoleFile)}`],
  ];
}

/** What the builder relies on. */
function controlSwitches(machine: BuildMachine): Switch[] {
  const { options, tpmSocket, publicKey, incoming, target } = machine;
  const isPc = target.name !== 'aarch64';
  return [
    ['-nodefaults'],
    ['-no-user-config'],
    ['-monitor', 'none'],
    ['-qmp', `unix:${value(machine.qmpSocket)},server=on,wait=off`],
    ...(options.qmp_socket_path === undefined
      ? []
      : [['-qmp', `unix:${value(options.qmp_socket_path)},server=on,wait=off`] as const]),
    ['-device', 'virtio-rng-pci'],
    // SeaBIOS and what writes through it (boot menus, "no bootable device") show on the serial console too.
    ...(isPc && machine.firmware === undefined ? [['-machine', 'graphics=off'] as const] : []),
    // A restored machine is told that it is another one now, so that its random numbers are not those of its twin.
    ...(isPc ? [['-device', 'vmgenid,guid=auto'] as const] : []),
    ...(tpmSocket === undefined ? [] : tpmSwitches(tpmSocket, options)),
    ...(publicKey === undefined ? [] : [['-smbios', `type=11,value=${credential(publicKey)}`] as const]),
    ...(incoming === undefined ? [] : [['-incoming', incoming] as const]),
  ];
}

function displaySwitches({ options, vnc }: BuildMachine): Switch[] {
  return [
    ...(options.headless
      ? [['-display', 'none'] as const]
      : options.use_default_display
        ? []
        : [['-display', options.display] as const]),
    ['-vga', options.vga],
    ...(vnc === undefined ? [] : [['-vnc', vnc] as const]),
  ];
}

function firmwareSwitches(firmware: BuildMachine['firmware'], options: QemuOptions): Switch[] {
  if (firmware === undefined) return [];
  if ('file' in firmware) {
    return options.use_pflash
      ? [['-drive', `file=${value(firmware.file)},if=pflash,unit=0,format=raw,readonly=on`]]
      : [['-bios', firmware.file]];
  }
  const { code, variables, format } = firmware;
  return [
    ['-drive', `file=${value(code)},if=pflash,unit=0,format=${format},readonly=on`],
    ['-drive', `file=${value(variables)},if=pflash,unit=1,format=${format}`],
  ];
}

function driveSwitches({ options }: BuildMachine, path: string, index: number): Switch[] {
  const { disk_cache: cache, disk_discard: discard, disk_detect_zeroes: zeroes } = options;
  const settings = `format=qcow2,cache=${cache},discard=${discard},detect-zeroes=${zeroes}`;
  return attach(`file=${value(path)},${settings}`, options.disk_interface, `disk${index}`, 'hd');
}

function cdromSwitches(cdrom: BuildMachine['cdroms'][number], index: number): Switch[] {
  const drive = `file=${value(cdrom.path)},format=raw,readonly=on`;
  // A virtio disk is one that any kernel with a virtio root can read; cloud kernels have no other driver.
  if (cdrom.interface === 'virtio') return attach(drive, 'virtio', `cd${index}`, 'hd');
  return attach(`${drive},media=cdrom`, cdrom.interface, `cd${index}`, 'cd');
}

function attach(drive: string, bus: DiskInterface, id: string, sort: 'hd' | 'cd'): Switch[] {
  switch (bus) {
    case 'virtio':
      return [['-drive', `${drive},if=virtio,id=${id}`]];
    case 'sd':
      return [['-drive', `${drive},if=sd,id=${id}`]];
    case 'ide':
    case 'sata':
      return [['-drive', `${drive},if=ide,id=${id}`]];
    case 'scsi':
    case 'virtio-scsi':
      return [
        ['-drive', `${drive},if=none,id=${id}`],
        ['-device', `${bus === 'scsi' ? 'lsi' : 'virtio-scsi-pci'},id=${id}-bus`],
        ['-device', `scsi-${sort},drive=${id},bus=${id}-bus.0`],
      ];
    case 'nvme':
      return [
        ['-drive', `${drive},if=none,id=${id}`],
        ['-device', `nvme,drive=${id},serial=${id}`],
      ];
  }
}

function networkSwitches({ options, forwards }: BuildMachine): Switch[] {
  const device = `${options.net_device},netdev=user.0`;
  const hosts = [...forwards].map(([inside, outside]) => `,hostfwd=tcp:127.0.0.1:${outside}-:${inside}`);
  const netdev =
    options.net_bridge === undefined
      ? `user,id=user.0${hosts.join('')}`
      : `bridge,id=user.0,br=${options.net_bridge}`;
  return [
    ['-netdev', netdev],
    ['-device', device],
  ];
}

function kernelSwitches({ path, initrd, append }: NonNullable<BuildMachine['kernel']>): Switch[] {
  return [
    ['-kernel', path],
    ...(initrd === undefined ? [] : [['-initrd', initrd] as const]),
    ...(append === '' ? [] : [['-append', append] as const]),
  ];
}

function tpmSwitches(socket: string, options: QemuOptions): Switch[] {
  return [
    ['-chardev', `socket,id=tpm-socket,path=${value(socket)}`],
    ['-tpmdev', 'emulator,id=tpm,chardev=tpm-socket'],
    ['-device', `${options.tpm_device_type},tpmdev=tpm`],
  ];
}

/** systemd.exec(5), "Credentials": of SMBIOS type 11 strings, in base64 because keys have blanks. */
function credential(publicKey: string): string {
  const name = 'io.systemd.credential.binary:ssh.authorized_keys.root';
  return `${name}=${Buffer.from(`${publicKey.trim()}\n`).toString('base64')}`;
}

/** QEMU reads `,` in option values as the end, unless it is doubled. */
function value(text: string): string {
  return text.replaceAll(',', ',,');
}
