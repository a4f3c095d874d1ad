import { element, text, xmlDocument, type XmlNode } from './xml.ts';

/** A machine with one disk, as OVF describes it. */
export interface OvfMachine {
  readonly name: string;
  readonly description?: string;
  readonly profile: 'virtualbox' | 'vmware';
  /** CIM number and the profile's own name of the guest's operating system; whether the user chose it. */
  readonly guest: { readonly cim: number; readonly name: string; readonly isNamed?: boolean };
  readonly firmware: 'bios' | 'efi';
  /** `vmx-13`, or `virtualbox-2.2`. */
  readonly systemType: string;
  readonly cpus: number;
  readonly memoryMebibytes: number;
  readonly controller: 'lsilogic' | 'VirtualSCSI' | 'AHCI';
  readonly networks: readonly { readonly name: string; readonly adapter: string }[];
  readonly disk: {
    readonly file: string;
    readonly fileSize: number;
    /** Bytes that the guest sees. */
    readonly capacity: number;
  };
  readonly product?: OvfProduct;
  readonly eula?: string;
}

export interface OvfProduct {
  readonly name: string;
  readonly vendor?: string | undefined;
  readonly version?: string | undefined;
  readonly fullVersion?: string | undefined;
  readonly productUrl?: string | undefined;
  readonly vendorUrl?: string | undefined;
}

const CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2';
const STREAM_OPTIMIZED = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

/** Resource types of CIM_ResourceAllocationSettingData. */
const TYPE = { cpu: 3, memory: 4, scsi: 6, ethernet: 10, disk: 17, sata: 20 } as const;

/** The descriptor of a virtual appliance (Open Virtualization Format 1.1, DSP0243). */
export function ovfDescriptor(machine: OvfMachine): string {
  return xmlDocument(
    element(
      'Envelope',
      {
        xmlns: 'http://schemas.dmtf.org/ovf/envelope/1',
        'xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
        'xmlns:rasd': `${CIM}/CIM_ResourceAllocationSettingData`,
        'xmlns:vssd': `${CIM}/CIM_VirtualSystemSettingData`,
        'xmlns:vmw': 'http://www.vmware.com/schema/ovf',
        ...(isNamedForVirtualBox(machine) && { 'xmlns:vbox': 'http://www.virtualbox.org/ovf/machine' }),
        'ovf:version': '1.0',
        'xml:lang': 'en-US',
      },
      element(
        'References',
        {},
        element('File', {
          'ovf:id': 'file1',
          'ovf:href': machine.disk.file,
          'ovf:size': machine.disk.fileSize,
        }),
      ),
      element(
        'DiskSection',
        {},
        text('Info', 'Virtual disks'),
        element('Disk', {
          'ovf:diskId': 'disk1',
          'ovf:fileRef': 'file1',
          'ovf:capacity': machine.disk.capacity,
          'ovf:format': STREAM_OPTIMIZED,
        }),
      ),
      element(
        'NetworkSection',
        {},
        text('Info', 'Logical networks'),
        ...networkNames(machine).map((name) =>
          element('Network', { 'ovf:name': name }, text('Description', `The ${name} network`)),
        ),
      ),
      virtualSystem(machine),
    ),
  );
}

const isNamedForVirtualBox = ({ profile, guest }: OvfMachine): boolean =>
  profile === 'virtualbox' && guest.isNamed === true;

function networkNames(machine: OvfMachine): readonly string[] {
  return [...new Set(machine.networks.map(({ name }) => name))];
}

function virtualSystem(machine: OvfMachine): XmlNode {
  const { guest, product, eula } = machine;
  return element(
    'VirtualSystem',
    { 'ovf:id': machine.name },
    text('Info', 'A virtual machine'),
    text('Name', machine.name),
    element(
      'OperatingSystemSection',
      { 'ovf:id': guest.cim, ...(machine.profile === 'vmware' && { 'vmw:osType': guest.name }) },
      text('Info', 'The guest operating system'),
      text('Description', guest.name),
      // Without it VirtualBox goes by the number, which knows no distributions.
      ...(isNamedForVirtualBox(machine)
        ? [text('vbox:OSType', guest.name, { 'ovf:required': 'false' })]
        : []),
    ),
    hardware(machine),
    ...(machine.description === undefined
      ? []
      : [
          element(
            'AnnotationSection',
            {},
            text('Info', 'Description of the machine'),
            text('Annotation', machine.description),
          ),
        ]),
    ...(product === undefined ? [] : [productSection(product)]),
    ...(eula === undefined
      ? []
      : [element('EulaSection', {}, text('Info', 'Licence agreement'), text('License', eula))]),
  );
}

function productSection(product: OvfProduct): XmlNode {
  const field = (name: string, value: string | undefined): XmlNode[] =>
    value === undefined ? [] : [text(name, value)];
  return element(
    'ProductSection',
    {},
    text('Info', 'The software in the machine'),
    text('Product', product.name),
    ...field('Vendor', product.vendor),
    ...field('Version', product.version),
    ...field('FullVersion', product.fullVersion),
    ...field('ProductUrl', product.productUrl),
    ...field('VendorUrl', product.vendorUrl),
  );
}

function hardware(machine: OvfMachine): XmlNode {
  const isSata = machine.controller === 'AHCI';
  const { cpus, memoryMebibytes: memory } = machine;
  return element(
    'VirtualHardwareSection',
    {},
    text('Info', 'Virtual hardware'),
    element(
      'System',
      {},
      text('vssd:ElementName', 'Virtual Hardware Family'),
      text('vssd:InstanceID', '0'),
      text('vssd:VirtualSystemIdentifier', machine.name),
      text('vssd:VirtualSystemType', machine.systemType),
    ),
    item({
      AllocationUnits: 'hertz * 10^6',
      ElementName: `${cpus} virtual CPU`,
      InstanceID: 1,
      ResourceType: TYPE.cpu,
      VirtualQuantity: cpus,
    }),
    item({
      AllocationUnits: 'byte * 2^20',
      ElementName: `${memory} MB of memory`,
      InstanceID: 2,
      ResourceType: TYPE.memory,
      VirtualQuantity: memory,
    }),
    item({
      Address: 0,
      ElementName: isSata ? 'SATA Controller' : 'SCSI Controller',
      InstanceID: 3,
      ResourceSubType: machine.controller,
      ResourceType: isSata ? TYPE.sata : TYPE.scsi,
    }),
    item({
      AddressOnParent: 0,
      ElementName: 'Hard Disk 1',
      HostResource: '/disk/disk1',
      InstanceID: 4,
      Parent: 3,
      ResourceType: TYPE.disk,
    }),
    ...machine.networks.map(({ name, adapter }, index) =>
      item({
        AddressOnParent: 7 + index,
        AutomaticAllocation: 'true',
        Connection: name,
        ElementName: `Network adapter ${index + 1}`,
        InstanceID: 5 + index,
        ResourceSubType: adapter,
        ResourceType: TYPE.ethernet,
      }),
    ),
    ...(machine.firmware === 'efi' && machine.profile === 'vmware'
      ? [element('vmw:Config', { 'ovf:required': 'false', 'vmw:key': 'firmware', 'vmw:value': 'efi' })]
      : []),
  );
}

/** A piece of hardware; its fields must come in the order of the alphabet. */
function item(fields: Readonly<Record<string, string | number>>): XmlNode {
  const names = Object.keys(fields).toSorted();
  return element('Item', {}, ...names.map((name) => text(`rasd:${name}`, String(fields[name]))));
}
