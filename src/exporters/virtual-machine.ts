import * as z from 'zod';
import type { DiskSpec, Pipeline } from '../model/pipeline.ts';
import type { Architecture } from '../model/platform.ts';
import { sizeField } from '../schema/fields.ts';
import type { Refusal } from '../schema/kinds.ts';

const MIB = 2 ** 20;

/** Options of the machines that some exports bring along with the disk. */
export const machineFields = {
  cpus: z.int().min(1).max(128).default(2).describe('Number of processors.'),
  memory: sizeField()
    .default(1024 * MIB)
    .refine((bytes) => bytes >= 64 * MIB && bytes % MIB === 0, 'must be whole MiB, at least 64')
    .describe('Memory, in whole MiB: `2GiB`.'),
  firmware: z
    .enum(['bios', 'uefi'])
    .optional()
    .describe('Firmware that the machine starts with. Default: BIOS where the disk can.'),
  guest: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'must be a name of the hypervisor, e.g. Debian_64')
    .optional()
    .describe(
      'Operating system in the machine, by the name that the hypervisor has for it: `Debian_64` for VirtualBox, `debian11_64Guest` in an OVF and `debian11-64` in a VMX of VMware. Default: a Linux of any version.',
    ),
};

export const inMebibytes = (bytes: number): number => bytes / MIB;

/** Names of a guest's operating system where machines are described. */
export interface GuestNames {
  /** VMware's, in VMX files. */
  readonly vmx: string;
  /** VMware's, in OVF. */
  readonly vmware: string;
  /** VirtualBox's. */
  readonly virtualBox: string;
  /** Number in the list of the Distributed Management Task Force (CIM_OperatingSystem.OsType). */
  readonly cim: number;
}

const GUESTS: Partial<Record<Architecture, GuestNames>> = {
  amd64: { vmx: 'other3xlinux-64', vmware: 'other3xLinux64Guest', virtualBox: 'Linux26_64', cim: 101 },
  i386: { vmx: 'other3xlinux', vmware: 'other3xLinuxGuest', virtualBox: 'Linux26', cim: 36 },
  arm64: { vmx: 'arm-other5xlinux-64', vmware: 'otherLinux64Guest', virtualBox: 'Linux_arm64', cim: 101 },
};

/** A Linux of unknown version: the names that all releases of the hypervisors know. */
export function guestNames(architecture: Architecture): GuestNames {
  const names = GUESTS[architecture];
  if (names === undefined)
    throw new Error(`no hypervisor runs ${architecture}, which refuseGuest should have said`);
  return names;
}

/** For `refuses`: hypervisors for PCs run few architectures. */
export function refuseGuest({ architecture }: Pick<Pipeline, 'architecture'>): Refusal | undefined {
  if (GUESTS[architecture] !== undefined) return undefined;
  return {
    message: `no machine of this kind runs ${architecture} images`,
    hint: 'Leave this export out for this architecture, with `when`.',
  };
}

type Starts = Pick<Pipeline, 'architecture'> & { readonly disk: Pick<DiskSpec, 'firmware'> };

/** The only firmware by which a disk starts; undefined when there are two. */
const onlyFirmware = ({ disk, architecture }: Starts): 'bios' | 'uefi' | undefined =>
  architecture === 'arm64' ? 'uefi' : disk.firmware === 'both' ? undefined : disk.firmware;

/** For `refuses`: a machine does not start from a disk for the other firmware. */
export function refuseFirmware(starts: Starts, wanted: 'bios' | 'uefi' | undefined): Refusal | undefined {
  const only = onlyFirmware(starts);
  if (wanted === undefined || only === undefined || only === wanted) return undefined;
  return {
    message: `the disk starts by ${only.toUpperCase()} only, and the machine has the other firmware`,
    hint:
      starts.architecture === 'arm64'
        ? 'Leave `firmware` out.'
        : 'Set `disk.firmware` to both, or leave `firmware` out.',
    option: 'firmware',
  };
}

/** The firmware a machine starts with: what is wanted, else BIOS wherever the disk can. */
export function machineFirmware(starts: Starts, wanted?: 'bios' | 'uefi'): 'bios' | 'efi' {
  return (wanted ?? onlyFirmware(starts)) === 'uefi' ? 'efi' : 'bios';
}

/** What all machine descriptions take from the pipeline, for `reads`. */
export function machineReads({
  name,
  architecture,
  disk,
  sourceDateEpoch,
}: Pipeline): Record<string, unknown> {
  return { 'name of the pipeline': name, architecture, '`disk.firmware`': disk.firmware, sourceDateEpoch };
}
