/** A machine for VMware Workstation, Fusion or Player. */
export interface VmxMachine {
  readonly name: string;
  readonly guest: string;
  readonly firmware: 'bios' | 'efi';
  readonly hardwareVersion: number;
  readonly cpus: number;
  readonly memoryMebibytes: number;
  /** File name of the disk, beside the VMX. */
  readonly disk: string;
  readonly network: 'e1000' | 'vmxnet3';
  /** Further settings, which win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Text of a VMX file: `key = "value"` lines. */
export function vmxText(machine: VmxMachine): string {
  const settings: Readonly<Record<string, string | number>> = {
    '.encoding': 'UTF-8',
    'config.version': 8,
    'virtualHW.version': machine.hardwareVersion,
    displayName: machine.name,
    guestOS: machine.guest,
    firmware: machine.firmware,
    numvcpus: machine.cpus,
    memsize: machine.memoryMebibytes,
    'scsi0.present': 'TRUE',
    'scsi0.virtualDev': 'lsilogic',
    'scsi0:0.present': 'TRUE',
    'scsi0:0.fileName': machine.disk,
    'ethernet0.present': 'TRUE',
    'ethernet0.connectionType': 'nat',
    'ethernet0.virtualDev': machine.network,
    'ethernet0.addressType': 'generated',
    // Bridges of the virtual chipset, without which there is no slot for the network card.
    'pciBridge0.present': 'TRUE',
    'pciBridge4.present': 'TRUE',
    'pciBridge4.virtualDev': 'pcieRootPort',
    'pciBridge4.functions': 8,
    'serial0.present': 'FALSE',
    'floppy0.present': 'FALSE',
    ...machine.settings,
  };
  // The format's own escape: | and two hex digits.
  const quoted = (value: string | number): string =>
    String(value).replaceAll(
      /["|\n\r]/g,
      (char) => `|${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
    );
  return Object.entries(settings)
    .map(([key, value]) => `${key} = "${quoted(value)}"\n`)
    .join('');
}
