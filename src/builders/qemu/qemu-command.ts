import type { Architecture } from '../../model/platform.ts';
import type { UefiFirmware } from './firmware.ts';

/** How QEMU calls an architecture, its machine for it and the processor to emulate. */
export interface QemuTarget {
  readonly program: string;
  readonly name: string;
  readonly machine: string;
  readonly emulatedCpu: string;
}

const TARGETS: Partial<Record<Architecture, QemuTarget>> = {
  amd64: { program: 'qemu-system-x86_64', name: 'x86_64', machine: 'q35', emulatedCpu: 'max' },
  i386: { program: 'qemu-system-i386', name: 'i386', machine: 'q35', emulatedCpu: 'max' },
  arm64: { program: 'qemu-system-aarch64', name: 'aarch64', machine: 'virt', emulatedCpu: 'max' },
};

export function qemuTarget(architecture: Architecture): QemuTarget | undefined {
  return TARGETS[architecture];
}

export interface MachineSettings {
  /** As QEMU and its window call the machine. */
  readonly name: string;
  readonly target: QemuTarget;
  /** QEMU's machine type, `q35` or `pc`; the target's own when left out. */
  readonly machine?: string;
  readonly kvm: boolean;
  readonly memory: number;
  readonly cpus: number;
  readonly disk: { readonly path: string; readonly format: 'raw' | 'qcow2' };
  /** More media, read-only, such as a seed for cloud-init. */
  readonly cdroms?: readonly string[];
  /** Unix socket on which QEMU takes QMP commands. */
  readonly qmpSocket?: string;
  /** Whether a reboot of the machine starts it again; else QEMU ends. Default false. */
  readonly restarts?: boolean;
  readonly uefi: UefiFirmware | undefined;
  /** File that takes the serial console's output. */
  readonly consoleFile: string;
  /** Ports of 127.0.0.1 by the machine's ports. */
  readonly forwards: ReadonlyMap<number, number>;
}

/**
 * The command of a throw-away machine, ended by the kernel when imgpipe dies (setpriv --pdeathsig). Its network is
 * QEMU's own: the machine reaches out, and in only through the forwarded ports of the loopback interface.
 */
export function qemuCommand(settings: MachineSettings): readonly [string, ...string[]] {
  const { target, disk, uefi } = settings;
  const forwards = [...settings.forwards].map(
    ([inside, outside]) => `,hostfwd=tcp:127.0.0.1:${outside}-:${inside}`,
  );
  const accelerator = settings.kvm ? 'kvm' : 'tcg,thread=multi,tb-size=512';
  return [
    'setpriv',
    '--pdeathsig',
    'KILL',
    target.program,
    ...['-name', settings.name, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...(settings.restarts === true ? [] : ['-no-reboot']),
    ...[
      '-machine',
      settings.machine ?? target.machine,
      '-accel',
      accelerator,
      '-cpu',
      settings.kvm ? 'host' : target.emulatedCpu,
    ],
    ...['-m', String(settings.memory), '-smp', String(settings.cpus)],
    ...(uefi === undefined ? [] : uefiDrives(uefi)),
    // Throw-away data: no write need ever reach the host's disk.
    ...['-drive', `${driveFile(disk.path)},format=${disk.format},if=none,id=disk,cache=unsafe,discard=unmap`],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...(settings.cdroms ?? []).flatMap((path, index) => [
      ...['-drive', `${driveFile(path)},format=raw,if=none,id=cdrom${index},readonly=on`],
      ...['-device', `virtio-blk-pci,drive=cdrom${index}`],
    ]),
    ...['-netdev', `user,id=net${forwards.join('')}`, '-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-device', 'virtio-rng-pci'],
    ...(settings.qmpSocket === undefined
      ? []
      : ['-qmp', `unix:${settings.qmpSocket.replaceAll(',', ',,')},server=on,wait=off`]),
    ...['-serial', `file:${settings.consoleFile}`, '-monitor', 'stdio'],
  ];
}

function uefiDrives(uefi: UefiFirmware): string[] {
  return [
    ...['-drive', `${driveFile(uefi.code)},if=pflash,unit=0,format=${uefi.format},readonly=on`],
    ...['-drive', `${driveFile(uefi.variables)},if=pflash,unit=1,format=${uefi.format}`],
  ];
}

/** QEMU reads `,` in option values as the end, unless it is doubled. */
function driveFile(path: string): string {
  return `file=${path.replaceAll(',', ',,')}`;
}
