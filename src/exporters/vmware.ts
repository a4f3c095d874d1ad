import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { makeVmdk } from './formats/vmdk.ts';
import { vmxText } from './formats/vmx.ts';
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

const schema = z.strictObject({
  ...machineFields,
  hardwareVersion: z
    .int()
    .min(7)
    .max(22)
    .default(13)
    .describe("Version of VMware's virtual hardware; 13 is that of ESXi 6.5."),
  network: z.enum(['e1000', 'vmxnet3']).default('vmxnet3').describe('Network card.'),
  settings: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_.:]+$/, 'must be the name of a setting, e.g. isolation.tools.copy.disable'),
      z.string(),
    )
    .default({})
    .describe('Further settings of the VMX, which win over those that imgpipe writes.'),
});

export const vmwareExporter = defineExporter({
  type: 'vmware',
  summary: 'A machine for VMware Workstation and Fusion: VMX and VMDK.',
  description: 'A tar of one folder. Unpack it and open the `.vmx`; there is nothing to import.',
  schema,
  keyVersion: 2,
  tools: ['tar'],
  examples: {
    good: [
      { title: 'With more memory', options: { memory: '4GiB' } },
      {
        title: 'With settings of its own',
        options: { settings: { 'isolation.tools.copy.disable': 'TRUE' } },
      },
    ],
    bad: [{ title: 'Unknown network card', options: { network: 'virtio' }, error: 'network' }],
  },
  input: 'disk',
  refuses: ({ guest, firmware }, pipeline) =>
    (guest === undefined ? refuseGuest(pipeline) : undefined) ?? refuseFirmware(pipeline, firmware),
  extension: () => 'vmware.tar',
  reads: machineReads,
  readBackBy: ['bsdtar', 'qemu-img'],
  reproducible: true,
  readsImage: () => true,
  run: (options, context) =>
    capture(async () => {
      const { pipeline } = context;
      const disk = diskOf(context);
      const { name } = pipeline;
      const root = join(context.scratch, 'machine');
      const folder = join(root, name);
      await mkdir(folder, { recursive: true });
      const file = `${name}.vmdk`;
      await makeVmdk(context, {
        disk,
        to: join(folder, file),
        subformat: 'monolithicSparse',
        adapter: 'lsilogic',
        hardwareVersion: options.hardwareVersion,
        name: file,
        contentId: derivedUuid(disk.key, 'vmdk').slice(0, 8),
        level: 6,
      });
      const vmx = vmxText({
        name,
        guest: options.guest ?? guestNames(pipeline.architecture).vmx,
        firmware: machineFirmware(pipeline, options.firmware),
        hardwareVersion: options.hardwareVersion,
        cpus: options.cpus,
        memoryMebibytes: inMebibytes(options.memory),
        disk: file,
        network: options.network,
        settings: options.settings,
      });
      await writeFile(join(folder, `${name}.vmx`), vmx);
      await packFolder(context, root);
    }),
});
