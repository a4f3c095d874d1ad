import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { sha256Hex } from '../util/hash.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { sha256OfFile } from './file-digest.ts';
import { ovfDescriptor } from './formats/ovf.ts';
import { ovfCertificate } from './formats/ovf-signature.ts';
import { makeVmdk } from './formats/vmdk.ts';
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

const networkSchema = z.strictObject({
  name: z
    .string()
    .min(1)
    .default('NAT')
    .describe('Name of the network, which the importing user maps to one of theirs.'),
  adapter: z
    .enum(['E1000', 'VmxNet3', 'PCNet32'])
    .optional()
    .describe('Network card. Default: E1000 for VirtualBox, VmxNet3 for VMware.'),
});

const productSchema = z.strictObject({
  name: z.string().min(1).describe('Name of the product.'),
  vendor: z.string().optional().describe('Who makes it.'),
  version: z.string().optional().describe('Short version, for people.'),
  fullVersion: z.string().optional().describe('Version with build number.'),
  productUrl: z.url().optional().describe('Web page of the product.'),
  vendorUrl: z.url().optional().describe('Web page of the vendor.'),
});

const signSchema = z.strictObject({
  secret: z.string().describe('Name of the secret with the RSA key, PEM without passphrase.'),
  certificate: z
    .string()
    .min(1)
    .describe('File with the X.509 certificate of the key, PEM, relative to the template.')
    .meta({ key: 'content' }),
});

const schema = z.strictObject({
  profile: z
    .enum(['virtualbox', 'vmware'])
    .default('virtualbox')
    .describe(
      'Whose hardware the machine has. VMware imports both; VirtualBox as well, but knows only its own by name.',
    ),
  machineName: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/, 'must be letters, digits, blanks, dots, dashes and underscores')
    .optional()
    .describe('Name of the machine. Default: that of the pipeline.'),
  ...machineFields,
  hardwareVersion: z
    .int()
    .min(7)
    .max(22)
    .default(13)
    .describe("Version of VMware's virtual hardware; 13 is that of ESXi 6.5."),
  controller: z
    .enum(['lsilogic', 'VirtualSCSI', 'AHCI'])
    .optional()
    .describe(
      'Disk controller. Default: AHCI for VirtualBox, lsilogic for VMware. `VirtualSCSI` is the paravirtual one.',
    ),
  networks: z
    .array(networkSchema)
    .max(8)
    .default([{ name: 'NAT' }])
    .describe('Network cards, at most eight.'),
  product: productSchema.optional().describe('What the machine is, for appliances.'),
  eula: z.string().min(1).optional().describe('Licence agreement, to be accepted on import.'),
  level: z.int().min(1).max(9).default(6).describe('Effort of the compression of the disk, 1 to 9.'),
  form: z
    .enum(['archive', 'folder'])
    .default('archive')
    .describe(
      '`archive`: one OVA. `folder`: the same files beside each other, with the `.ovf` to be opened.',
    ),
  sign: signSchema.optional().describe('Signs the manifest, so that the importing user sees who made it.'),
});

export const ovaExporter = defineExporter({
  type: 'ova',
  summary: 'A virtual appliance: machine and disk in one file.',
  description: `An OVF 1.1 descriptor, a manifest with SHA-256 digests, and a stream-optimized VMDK. VirtualBox, VMware Workstation,
Fusion, ESXi, vSphere, Proxmox and most clouds import it. A machine of a disk with \`firmware: both\` starts by BIOS,
unless \`firmware\` says otherwise.`,
  schema,
  keyVersion: 1,
  tools: ['tar'],
  examples: {
    good: [
      { title: 'For VirtualBox', options: {} },
      {
        title: 'An appliance for vSphere',
        options: {
          profile: 'vmware',
          cpus: 4,
          memory: '4GiB',
          controller: 'VirtualSCSI',
          product: { name: 'Web shop', vendor: 'Example', version: '1.0' },
          eula: 'Use it as you like.',
        },
      },
      { title: 'An OVF folder', options: { form: 'folder' } },
      { title: 'Signed', options: { sign: { secret: 'ova_key', certificate: 'release.crt' } } },
    ],
    bad: [
      { title: 'Half a MiB', options: { memory: 268959744 }, error: 'must be whole MiB' },
      { title: 'Unknown profile', options: { profile: 'xen' }, error: 'profile' },
      { title: 'Signed by nobody', options: { sign: { secret: 'key' } }, error: 'certificate' },
    ],
  },
  input: 'disk',
  extension: ({ form }) => (form === 'archive' ? 'ova' : 'ovf'),
  isFolder: ({ form }) => form === 'folder',
  refuses({ firmware, profile }, pipeline) {
    const refusal = refuseGuest(pipeline) ?? refuseFirmware(pipeline, firmware);
    if (refusal !== undefined) return refusal;
    if (profile !== 'virtualbox' || machineFirmware(pipeline, firmware) === 'bios') return undefined;
    return {
      message: 'the machine starts by UEFI, which an OVA cannot tell VirtualBox',
      hint:
        pipeline.architecture === 'arm64'
          ? 'Set `profile` to vmware.'
          : 'Let it start by BIOS (`disk.firmware: both`, no `firmware` here), or set `profile` to vmware.',
      ...(firmware === undefined ? {} : { option: 'firmware' }),
    };
  },
  reads: (pipeline) => ({ ...machineReads(pipeline), description: pipeline.description, ...ZLIB }),
  inputs: ({ sign }, { resolvePath }) =>
    sign === undefined
      ? []
      : [{ path: resolvePath(sign.certificate), type: 'file', option: 'sign.certificate', modes: false }],
  secrets: ({ sign }) => (sign === undefined ? [] : [sign.secret]),
  readBackBy: ['bsdtar', 'xmllint', 'qemu-img', 'openssl'],
  reproducible: true,
  readsImage: () => true,
  run: (options, context) =>
    capture(async () => {
      const { pipeline } = context;
      const disk = diskOf(context);
      const { profile } = options;
      const name = options.machineName ?? pipeline.name;
      const guest = guestNames(pipeline.architecture);
      const firmware = machineFirmware(pipeline, options.firmware);
      const folder = options.form === 'folder' ? context.outputPath : join(context.scratch, 'ova');
      await mkdir(folder);
      const file = `${name}-disk1.vmdk`;
      const vmdk = join(folder, file);
      const controller = options.controller ?? (profile === 'virtualbox' ? 'AHCI' : 'lsilogic');
      await makeVmdk(context, {
        disk,
        to: vmdk,
        subformat: 'streamOptimized',
        adapter: controller === 'AHCI' ? 'ide' : 'lsilogic',
        hardwareVersion: options.hardwareVersion,
        name: file,
        contentId: derivedUuid(disk.key, 'vmdk').slice(0, 8),
        level: options.level,
      });
      const { product, eula } = options;
      const ovf = ovfDescriptor({
        name,
        profile,
        ...(pipeline.description !== undefined && { description: pipeline.description }),
        guest: {
          cim: guest.cim,
          name: options.guest ?? (profile === 'vmware' ? guest.vmware : guest.virtualBox),
          isNamed: options.guest !== undefined,
        },
        firmware,
        systemType: profile === 'vmware' ? `vmx-${options.hardwareVersion}` : 'virtualbox-2.2',
        cpus: options.cpus,
        memoryMebibytes: inMebibytes(options.memory),
        controller,
        networks: options.networks.map((network) => ({
          name: network.name,
          adapter: network.adapter ?? (profile === 'vmware' ? 'VmxNet3' : 'E1000'),
        })),
        disk: { file, fileSize: (await stat(vmdk)).size, capacity: disk.size },
        ...(product !== undefined && { product }),
        ...(eula !== undefined && { eula }),
      });
      await writeFile(join(folder, `${name}.ovf`), ovf);
      const sums = [
        `SHA256(${name}.ovf)= ${sha256Hex(ovf)}\n`,
        `SHA256(${file})= ${await sha256OfFile(vmdk, context.signal)}\n`,
      ];
      const manifest = sums.join('');
      await writeFile(join(folder, `${name}.mf`), manifest);
      const first = [`${name}.ovf`, `${name}.mf`];
      if (options.sign !== undefined) {
        const certificate = await readFile(context.resolvePath(options.sign.certificate), 'utf8');
        const key = context.secret(options.sign.secret);
        const text = ovfCertificate({ manifestName: `${name}.mf`, manifest, key, certificate });
        await writeFile(join(folder, `${name}.cert`), text);
        first.push(`${name}.cert`);
      }
      if (options.form === 'folder') return;
      // The descriptor first, so that a reader of the stream knows what comes (DSP0243, 5.3).
      await packFolder(context, folder, { first });
    }),
});
