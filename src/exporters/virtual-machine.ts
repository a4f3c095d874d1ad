import * as z from 'zod';
import { FailureError } from '../diagnostics/failure.ts';
import type { DiskSpec, Pipeline } from '../model/pipeline.ts';
import type { Architecture } from '../model/platform.ts';
import { sizeField } from '../schema/fields.ts';

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

/**
 * A Linux of unknown version: the names that all releases of the hypervisors know.
 * @throws FailureError `export-failed` for an architecture that none of them runs
 */
export function guestNames(architecture: Architecture): GuestNames {
  switch (architecture) {
    case 'amd64':
      return { vmx: 'other3xlinux-64', vmware: 'other3xLinux64Guest', virtualBox: 'Linux26_64', cim: 101 };
    case 'i386':
      return { vmx: 'other3xlinux', vmware: 'other3xLinuxGuest', virtualBox: 'Linux26', cim: 36 };
    case 'arm64':
      return { vmx: 'arm-other5xlinux-64', vmware: 'otherLinux64Guest', virtualBox: 'Linux_arm64', cim: 101 };
    default:
      throw new FailureError({
        reason: 'export-failed',
        message: `no machine of this kind runs ${architecture} images`,
        hint: 'leave this export out for this architecture, with `when`',
      });
  }
}

/**
 * The firmware a machine starts with: what is wanted, else BIOS wherever the disk can.
 * @throws FailureError `export-failed` when the disk does not start with what is wanted
 */
export function machineFirmware(
  { disk, architecture }: Pick<Pipeline, 'architecture'> & { readonly disk: Pick<DiskSpec, 'firmware'> },
  wanted?: 'bios' | 'uefi',
): 'bios' | 'efi' {
  const only = architecture === 'arm64' ? 'uefi' : disk.firmware === 'both' ? undefined : disk.firmware;
  if (wanted !== undefined && only !== undefined && only !== wanted) {
    throw new FailureError({
      reason: 'export-failed',
      message: `the disk starts by ${only === 'uefi' ? 'UEFI' : 'BIOS'} only, and the machine has the other firmware`,
      hint:
        architecture === 'arm64'
          ? 'leave `firmware` out'
          : 'set `disk.firmware` to both, or leave `firmware` out',
    });
  }
  return (wanted ?? only) === 'uefi' ? 'efi' : 'bios';
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
