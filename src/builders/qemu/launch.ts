import { existsSync } from 'node:fs';
import { copyFile, symlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Digest } from '../../model/ids.ts';
import type { DriverContext } from '../machine-builder.ts';
import { chooseFirmware } from './firmware.ts';
import type { Login } from './login.ts';
import {
  diskFile,
  stateIdentity,
  TPM_FILE,
  VARIABLES_FILE,
  type FirstFiles,
  type MachineRecord,
} from './machine-record.ts';
import { fillIn, type BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import type { QemuTarget } from './qemu-command.ts';
import { Releases } from './releases.ts';
import { RunningMachine, socketFolder, type MachinePlan } from './running-machine.ts';
import { startTpm, type Tpm } from './tpm.ts';
import { openScreen, type VncScreen } from './vnc-screen.ts';

/** What this host gives to all machines of a driver. */
export interface Host {
  readonly target: QemuTarget;
  readonly accelerator: string;
  /** As `qemu --version` says; machines of another QEMU cannot take a kept memory. */
  readonly version: string;
}

/** A machine that is about to start. */
export interface MachineSetup {
  /** Folder beside the snapshots' with its disks. */
  readonly active: string;
  readonly login: Login;
  readonly record: Omit<MachineRecord, 'state'>;
  /** Folder in which media with a plain name lie. */
  readonly media: string;
  /** Snapshot's folder that it goes on from. */
  readonly from?: string;
  readonly parent: Digest | undefined;
  /** Files in `active` that the first snapshot takes with it. */
  readonly first: FirstFiles;
}

/** How a machine is started this time. */
export interface LaunchMode {
  readonly values: BootValues;
  readonly kernel?: MachinePlan['kernel'];
  readonly fromCd?: boolean;
  /** QEMU ends when the machine restarts: an installation is over. */
  readonly runsOnce?: boolean;
  /** Source of its memory. */
  readonly incoming?: string;
}

/** A started machine with what belongs to it; disposing it ends all. */
export interface Launched extends AsyncDisposable {
  readonly running: RunningMachine;
  readonly screen: VncScreen | undefined;
  readonly identity: string;
  /** File with the firmware's variables, which the machine changes. */
  readonly variables: string | undefined;
  readonly tpm: Tpm | undefined;
}

/**
 * Starts QEMU for a machine.
 * @param expected identity of the state that it is to take; another one gives undefined, and nothing is started
 * @throws FailureError `tool-missing`, `input-missing`, `step-failed`, `aborted`
 */
export async function launch(
  setup: MachineSetup,
  host: Host,
  options: QemuOptions,
  context: DriverContext,
  mode: LaunchMode,
): Promise<Launched>;
export async function launch(
  setup: MachineSetup,
  host: Host,
  options: QemuOptions,
  context: DriverContext,
  mode: LaunchMode,
  expected: string,
): Promise<Launched | undefined>;
export async function launch(
  setup: MachineSetup,
  host: Host,
  options: QemuOptions,
  context: DriverContext,
  mode: LaunchMode,
  expected?: string,
): Promise<Launched | undefined> {
  const held = new Releases();
  try {
    const folder = await socketFolder(context);
    held.add(folder.remove);
    const firmware = await chooseFirmware(resolved(options, context), host.target.name, folder.path);
    const variables = firmware !== undefined && 'variables' in firmware ? firmware.variables : undefined;
    const kept = join(setup.from ?? '', VARIABLES_FILE);
    if (variables !== undefined && setup.from !== undefined && existsSync(kept))
      await copyFile(kept, variables);
    const plan = planOf(setup, host, options, mode, firmware);
    const identity = stateIdentity(plan, host.version);
    if (expected !== undefined && identity !== expected) {
      await held[Symbol.asyncDispose]();
      return undefined;
    }
    const ownName = join(setup.active, options.name);
    if (options.qemuargs.some(([name]) => name === '-drive') && !existsSync(ownName))
      await symlink(diskFile(0), ownName);
    const tpm = options.vtpm ? await startTpm(options, folder.path, context, tpmOf(setup)) : undefined;
    if (tpm !== undefined) held.add(async () => await tpm[Symbol.asyncDispose]());
    const full = tpm === undefined ? plan : { ...plan, tpmSocket: tpm.socket };
    const running = await RunningMachine.start(full, folder.path, context);
    held.add(async () => await running[Symbol.asyncDispose]());
    const screen = await openScreen(running, options, context);
    return {
      running,
      screen,
      identity,
      variables,
      tpm,
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

/** Firmware files are named relative to the template, as all files of this host are. */
function resolved(
  options: QemuOptions,
  { resolvePath }: DriverContext,
): Pick<QemuOptions, 'firmware' | 'efi_boot' | 'efi_firmware_code' | 'efi_firmware_vars'> {
  const { firmware, efi_boot, efi_firmware_code: code, efi_firmware_vars: vars } = options;
  const isFile = firmware !== undefined && firmware !== 'bios' && firmware !== 'uefi';
  return {
    efi_boot,
    firmware: isFile ? resolvePath(firmware) : firmware,
    efi_firmware_code: code === undefined ? undefined : resolvePath(code),
    efi_firmware_vars: vars === undefined ? undefined : resolvePath(vars),
  };
}

function tpmOf({ from }: MachineSetup): string | undefined {
  const file = join(from ?? '', TPM_FILE);
  return from !== undefined && existsSync(file) ? file : undefined;
}

function planOf(
  setup: MachineSetup,
  host: Host,
  options: QemuOptions,
  mode: LaunchMode,
  firmware: MachinePlan['firmware'],
): MachinePlan {
  const { record, login, active, media } = setup;
  const at = (name: string): string => (isAbsolute(name) ? name : join(media, name));
  const isForwarded = !options.skip_nat_mapping;
  const { net_bridge: bridge } = options;
  return {
    options,
    target: host.target,
    accelerator: host.accelerator,
    disks: record.disks.map((_, index) => join(active, diskFile(index))),
    cdroms: record.cdroms.map((cdrom) => ({ ...cdrom, path: at(cdrom.file) })),
    firmware,
    noReboot: mode.runsOnce === true,
    fromCd: mode.fromCd === true,
    ports: isForwarded && bridge === undefined ? [options.ssh_port] : [],
    fillOverrides: (port) =>
      options.qemuargs.map((words) =>
        words.map((word) => fillIn(word, { ...mode.values, SSHHostPort: port })),
      ),
    ...(record.floppy !== undefined && { floppy: at(record.floppy) }),
    ...(record.byCredentials && login.key !== undefined && { publicKey: login.key.publicKey }),
    ...(mode.kernel !== undefined && { kernel: mode.kernel }),
    ...(mode.incoming !== undefined && { incoming: mode.incoming }),
  };
}
