import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { sha256Hex } from '../util/hash.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { ovfDescriptor } from './formats/ovf.ts';
import { makeVmdk } from './formats/vmdk.ts';
import { writeQcow2 } from './qcow2/write.ts';
import { vmxText } from './formats/vmx.ts';
import { ZLIB } from './node-compressors.ts';
import { packFolder } from './pack-folder.ts';
import {
  guestNames,
  inMebibytes,
  machineFields,
  machineFirmware,
  machineReads,
  refuseFirmware,
  refuseGuest,
} from './virtual-machine.ts';

const GIB = 2 ** 30;

const schema = z.strictObject({
  provider: z
    .enum(['libvirt', 'virtualbox', 'vmware_desktop'])
    .describe(
      'What runs the machine: QEMU/KVM through vagrant-libvirt, VirtualBox, or VMware Workstation and Fusion.',
    ),
  ...machineFields,
  username: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/, 'must be a user name')
    .default('vagrant')
    .describe(
      "User as which Vagrant logs in. A `user` step makes it, with Vagrant's insecure key and sudo without password.",
    ),
  vagrantfile: z.string().optional().describe('Lines of Ruby for the Vagrantfile in the box, after its own.'),
  level: z.int().min(1).max(9).default(6).describe('Effort of the compression, 1 to 9.'),
});

type Options = z.output<typeof schema>;

export const vagrantExporter = defineExporter({
  type: 'vagrant',
  summary: 'A Vagrant box.',
  description:
    'For `vagrant box add --name NAME FILE`. Each provider has a box of its own: export one for each that is used.',
  schema,
  keyVersion: 3,
  tools: ['tar'],
  examples: {
    good: [
      { title: 'For VirtualBox', options: { provider: 'virtualbox' } },
      { title: 'For libvirt', options: { provider: 'libvirt', memory: '2GiB', username: 'admin' } },
    ],
    bad: [
      { title: 'Without provider', options: {}, error: 'provider' },
      { title: 'Unknown provider', options: { provider: 'hyperv' }, error: 'provider' },
    ],
  },
  input: 'disk',
  extension: ({ provider }) => `${provider}.box`,
  refuses: ({ provider, firmware }, pipeline) =>
    (provider === 'libvirt' ? undefined : refuseGuest(pipeline)) ?? refuseFirmware(pipeline, firmware),
  reads: (pipeline) => ({ ...machineReads(pipeline), ...ZLIB }),
  readBackBy: ['vagrant', 'bsdtar', 'qemu-img', 'xmllint'],
  reproducible: true,
  readsImage: () => true,
  run: (options, context) =>
    capture(async () => {
      const folder = join(context.scratch, 'box');
      await mkdir(folder);
      const { metadata, ruby } = await PROVIDERS[options.provider](options, context, folder);
      const { architecture } = context.pipeline;
      const names = { provider: options.provider, architecture, ...metadata };
      await writeFile(join(folder, 'metadata.json'), `${JSON.stringify(names)}\n`);
      await writeFile(join(folder, 'Vagrantfile'), vagrantfile(options, ruby));
      return await packFolder(context, folder, { gzipLevel: options.level });
    }),
});

interface BoxParts {
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Lines of the Vagrantfile. */
  readonly ruby: readonly string[];
}

/** Writes the machine's files into the folder, as each provider's plugin documents its box format. */
const PROVIDERS: Readonly<
  Record<Options['provider'], (options: Options, context: ExportContext, folder: string) => Promise<BoxParts>>
> = {
  async libvirt(options, context, folder) {
    const disk = diskOf(context);
    const { signal, progress } = context;
    const outputPath = join(folder, 'box.img');
    await writeQcow2(disk.image, { clusterSize: 65536, version: '1.1' }, { outputPath, signal, progress });
    return {
      metadata: { format: 'qcow2', virtual_size: Math.ceil(disk.size / GIB) },
      ruby: [
        'config.vm.provider :libvirt do |libvirt|',
        "  libvirt.driver = 'kvm'",
        `  libvirt.cpus = ${options.cpus}`,
        `  libvirt.memory = ${inMebibytes(options.memory)}`,
        ...(machineFirmware(context.pipeline, options.firmware) === 'efi'
          ? ["  libvirt.loader = '/usr/share/OVMF/OVMF_CODE.fd'"]
          : []),
        'end',
      ],
    };
  },

  async virtualbox(options, context, folder) {
    const { pipeline } = context;
    const disk = diskOf(context);
    const file = 'box-disk001.vmdk';
    await makeVmdk(context, {
      ...vmdkSettings(context, file, options),
      to: join(folder, file),
      subformat: 'streamOptimized',
    });
    const guest = guestNames(pipeline.architecture);
    const firmware = machineFirmware(pipeline, options.firmware);
    const ovf = ovfDescriptor({
      name: pipeline.name,
      profile: 'virtualbox',
      guest: {
        cim: guest.cim,
        name: options.guest ?? guest.virtualBox,
        isNamed: options.guest !== undefined,
      },
      firmware,
      systemType: 'virtualbox-2.2',
      cpus: options.cpus,
      memoryMebibytes: inMebibytes(options.memory),
      controller: 'AHCI',
      networks: [{ name: 'NAT', adapter: 'E1000' }],
      disk: { file, fileSize: (await stat(join(folder, file))).size, capacity: disk.size },
    });
    await writeFile(join(folder, 'box.ovf'), ovf);
    const mac = `080027${sha256Hex(disk.key).slice(0, 6).toUpperCase()}`;
    return {
      metadata: {},
      ruby: [
        `config.vm.base_mac = '${mac}'`,
        ...(firmware === 'efi'
          ? [
              'config.vm.provider :virtualbox do |box|',
              "  box.customize ['modifyvm', :id, '--firmware', 'efi']",
              'end',
            ]
          : []),
      ],
    };
  },

  async vmware_desktop(options, context, folder) {
    const { pipeline } = context;
    const file = 'disk.vmdk';
    // Workstation does not start machines from stream-optimized disks.
    await makeVmdk(context, {
      ...vmdkSettings(context, file, options),
      to: join(folder, file),
      subformat: 'monolithicSparse',
    });
    const vmx = vmxText({
      name: pipeline.name,
      guest: options.guest ?? guestNames(pipeline.architecture).vmx,
      firmware: machineFirmware(pipeline, options.firmware),
      hardwareVersion: 13,
      cpus: options.cpus,
      memoryMebibytes: inMebibytes(options.memory),
      disk: file,
      network: 'e1000',
    });
    await writeFile(join(folder, 'box.vmx'), vmx);
    return { metadata: {}, ruby: [] };
  },
};

function vmdkSettings(context: ExportContext, name: string, { level }: Options) {
  const disk = diskOf(context);
  const contentId = derivedUuid(disk.key, 'vmdk').slice(0, 8);
  return { disk, name, contentId, level, adapter: 'lsilogic', hardwareVersion: 13 } as const;
}

function vagrantfile({ username, vagrantfile: more }: Options, ruby: readonly string[]): string {
  const lines = [`config.ssh.username = '${username}'`, ...ruby, ...(more?.trimEnd().split('\n') ?? [])];
  return [
    "Vagrant.configure('2') do |config|",
    ...lines.map((line) => `  ${line}`.trimEnd()),
    'end',
    '',
  ].join('\n');
}
