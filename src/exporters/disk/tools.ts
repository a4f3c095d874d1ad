import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Failure, type Result } from '../../diagnostics/failure.ts';
import type { DiskSpec } from '../../model/pipeline.ts';
import {
  firmwareOf,
  hostArchitecture,
  type Architecture,
  type UefiArchitecture,
} from '../../model/platform.ts';
import { toolEnvironment } from '../run-tool.ts';
import { programsOf } from './programs.ts';

/** GRUB's names for the platforms a disk can boot on. */
export type GrubPlatform = 'i386-pc' | 'x86_64-efi' | 'i386-efi' | 'arm64-efi' | 'arm-efi' | 'riscv64-efi';

/** What this host offers for building disks. */
export interface DiskTools {
  /** Version texts by program: part of every disk's key, because another version may lay out other bytes. */
  readonly versions: Readonly<Record<string, string>>;
  /** Folder of GRUB's modules for each platform that the disk needs. */
  readonly grub: Readonly<Partial<Record<GrubPlatform, string>>>;
}

const GRUB_FOLDERS = ['/usr/lib/grub', '/usr/share/grub2', '/usr/lib64/grub'];

const EFI_PLATFORMS: Readonly<Record<UefiArchitecture, GrubPlatform>> &
  Partial<Record<Architecture, GrubPlatform>> = {
  amd64: 'x86_64-efi',
  i386: 'i386-efi',
  arm64: 'arm64-efi',
  armhf: 'arm-efi',
  riscv64: 'riscv64-efi',
};

const GRUB_PACKAGES: Record<GrubPlatform, string> = {
  'i386-pc': 'grub-pc-bin',
  'x86_64-efi': 'grub-efi-amd64-bin',
  'i386-efi': 'grub-efi-ia32-bin',
  'arm64-efi': 'grub-efi-arm64-bin',
  'arm-efi': 'grub-efi-arm-bin',
  'riscv64-efi': 'grub-efi-riscv64-bin',
};

/**
 * Finds the programs and boot loader parts that a disk needs, with their versions.
 * @returns `tool-missing` naming all that is missing at once
 */
export async function findDiskTools(
  architecture: Architecture,
  spec: Pick<DiskSpec, 'firmware' | 'fileSystem' | 'partitions'>,
): Promise<Result<DiskTools>> {
  const { firmware } = spec;
  const grub = findGrub(architecture, firmware);
  const programs = programsOf(spec).filter((program) => firmware !== 'bios' || !program.isForEsp);
  const versions: Record<string, string> = {};
  const failures: Failure[] = [];
  await Promise.all(
    programs.map(async (program) => {
      const version = await versionOf(program.name, program.version);
      if (version === undefined) failures.push(missing(program.name, program.package));
      else versions[program.name] = version;
    }),
  );
  if (!grub.ok) failures.push(...grub.failures);
  return grub.ok && failures.length === 0 ? ok({ versions, grub: grub.value }) : fail(...failures);
}

/**
 * Folders of GRUB's modules for the platforms of an architecture that has the firmware.
 * @returns `tool-missing`
 */
export function findGrub(
  architecture: Architecture,
  firmware: DiskSpec['firmware'],
): Result<DiskTools['grub']> {
  const failures: Failure[] = [];
  const grub: Partial<Record<GrubPlatform, string>> = {};
  for (const platform of grubPlatforms(architecture, firmware)) {
    const folder = GRUB_FOLDERS.map((parent) => join(parent, platform)).find((path) => existsSync(path));
    if (folder === undefined)
      failures.push(missing(`GRUB for ${platform}`, grubPackage(platform, architecture)));
    else grub[platform] = folder;
  }
  return failures.length > 0 ? fail(...failures) : ok(grub);
}

function grubPlatforms(architecture: Architecture, firmware: DiskSpec['firmware']): readonly GrubPlatform[] {
  const efi = EFI_PLATFORMS[architecture];
  return [
    ...(firmware !== 'uefi' && firmwareOf(architecture).bios ? (['i386-pc'] as const) : []),
    ...(firmware !== 'bios' && efi !== undefined ? [efi] : []),
  ];
}

/** Debian has GRUB's modules for other processors' firmware in the archive of that architecture only; they are mere data. */
function grubPackage(platform: GrubPlatform, architecture: Architecture): string {
  const name = GRUB_PACKAGES[platform];
  const isForeign = !firmwareOf(architecture).bios && hostArchitecture() !== architecture;
  return isForeign ? `${name}:${architecture} after dpkg --add-architecture ${architecture}` : name;
}

function missing(what: string, debianPackage: string): Failure {
  return {
    reason: 'tool-missing',
    message: `${what} is not installed; bootable disks need it`,
    hint: `install it, on Debian: apt-get install ${debianPackage} (other systems: imgpipe doctor)`,
  };
}

/** First line a program says about itself, or undefined when there is no such program. */
function versionOf(program: string, option: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, [option], { env: toolEnvironment(), timeout: 10_000 }, (error, stdout, stderr) => {
      if (error !== null && error.code === 'ENOENT') resolve(undefined);
      else resolve(`${stdout}\n${stderr}`.split('\n').find((line) => /\d+\.\d+/.test(line)) ?? 'unknown');
    });
  });
}
