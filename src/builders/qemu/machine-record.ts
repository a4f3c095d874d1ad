import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { sha256Hex } from '../../util/hash.ts';
import { buildCommand } from './build-command.ts';
import type { MachinePlan } from './running-machine.ts';

const recordSchema = z.object({
  format: z.literal(1),
  /** Sizes of the disks in bytes, the system's first. */
  disks: z.array(z.number()).min(1),
  /** Media in the drives, by name in the source's folder or by absolute path. */
  cdroms: z.array(
    z.object({
      file: z.string(),
      interface: z.enum(['virtio', 'virtio-scsi', 'ide', 'sata', 'scsi', 'nvme', 'sd']),
    }),
  ),
  floppy: z.string().optional(),
  byCredentials: z.boolean(),
  /** Fingerprint of the build's key that the machine knows. */
  key: z.string().optional(),
  /** Names the devices and the QEMU whose memory state is kept; only their like can take it. */
  state: z.string().optional(),
});

/**
 * `machine.json` of a snapshot. Beside it lie `disk.qcow2` (`disk1.qcow2` …), standing on the parent's, `state.zst` with
 * memory and devices, `variables.fd` of the firmware and `tpm.state`; in the source's snapshot also the base and the media.
 */
export type MachineRecord = z.output<typeof recordSchema>;

/** Files of a first snapshot beside its disks; of large ones the SHA-256 is being computed already. */
export type FirstFiles = ReadonlyMap<string, Promise<string> | undefined>;

export const RECORD_FILE = 'machine.json';
export const STATE_FILE = 'state.zst';
export const VARIABLES_FILE = 'variables.fd';
export const TPM_FILE = 'tpm.state';

/** Name of a disk's file in a snapshot. */
export const diskFile = (index: number): string => `disk${index === 0 ? '' : index}.qcow2`;

/** @throws FailureError `store-invalid` */
export function readRecord(folder: string): MachineRecord {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(join(folder, RECORD_FILE), 'utf8')));
  } catch (cause) {
    throw new FailureError({
      reason: 'store-invalid',
      message: `${join(folder, RECORD_FILE)} is not what imgpipe wrote`,
      hint: 'Run `imgpipe cache verify`, then build once more.',
      cause,
    });
  }
}

/** Names a machine's devices and the QEMU that has them: equal names can exchange states. */
export function stateIdentity(plan: MachinePlan, version: string): string {
  const command = buildCommand({
    ...plan,
    disks: plan.disks.map(() => ''),
    cdroms: plan.cdroms.map((cdrom) => ({ ...cdrom, path: '' })),
    ...(plan.floppy !== undefined && { floppy: '' }),
    firmware:
      plan.firmware === undefined || 'file' in plan.firmware
        ? plan.firmware
        : { ...plan.firmware, variables: '' },
    forwards: new Map(),
    consoleFile: '',
    qmpSocket: '',
    // Whence it was first started is over once it is kept.
    fromCd: false,
    overrides: plan.fillOverrides(0),
    options: { ...plan.options, headless: true, qmp_socket_path: undefined },
    ...(plan.tpmSocket !== undefined && { tpmSocket: '' }),
  }).filter((word) => !word.startsWith('exec:'));
  return sha256Hex(canonicalJson([version, ...command.filter((word) => word !== '-incoming')]));
}
