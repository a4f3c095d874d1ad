import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';

/** Firmware as QEMU takes it: code, read-only, and a private copy of the variables. */
export interface UefiFirmware {
  readonly code: string;
  readonly variables: string;
  readonly format: string;
}

/** Firmware descriptors of QEMU (docs/interop/firmware.json), the part that matters here. */
const descriptorSchema = z.object({
  'interface-types': z.array(z.string()),
  mapping: z.object({
    device: z.literal('flash'),
    executable: z.object({ filename: z.string(), format: z.string() }),
    'nvram-template': z.object({ filename: z.string() }),
  }),
  targets: z.array(z.object({ architecture: z.string(), machines: z.array(z.string()) })),
  features: z.array(z.string()),
});

type Descriptor = z.output<typeof descriptorSchema>;

const FOLDERS = ['/etc/qemu/firmware', '/usr/local/share/qemu/firmware', '/usr/share/qemu/firmware'];

/**
 * Finds the host's UEFI firmware without Secure Boot for an architecture, and copies its variables.
 * @param architecture by QEMU's name, e.g. `x86_64`
 * @param folders with descriptors, those of QEMU when left out
 * @throws FailureError `tool-missing`
 */
export async function findUefiFirmware(
  architecture: string,
  scratch: string,
  folders: readonly string[] = FOLDERS,
): Promise<UefiFirmware> {
  for (const descriptor of await descriptors(folders)) {
    if (!fits(descriptor, architecture) || !isThere(descriptor)) continue;
    const variables = join(scratch, 'uefi-variables.fd');
    await copyFile(descriptor.mapping['nvram-template'].filename, variables);
    const { filename, format } = descriptor.mapping.executable;
    return { code: filename, variables, format };
  }
  throw new FailureError({
    reason: 'tool-missing',
    message: `no UEFI firmware for QEMU (${architecture}) is installed`,
    hint: `install it, on Debian: apt-get install ${architecture === 'aarch64' ? 'qemu-efi-aarch64' : 'ovmf'}`,
  });
}

/**
 * The firmware that a builder's options ask for; undefined is QEMU's own BIOS.
 * @param folder takes the copy of the variables
 * @throws FailureError `tool-missing`, `input-missing`
 */
export async function chooseFirmware(
  options: {
    readonly firmware?: string | undefined;
    readonly efi_boot: boolean;
    readonly efi_firmware_code?: string | undefined;
    readonly efi_firmware_vars?: string | undefined;
  },
  architecture: string,
  folder: string,
): Promise<UefiFirmware | { readonly file: string } | undefined> {
  const { firmware, efi_firmware_code: code, efi_firmware_vars: vars } = options;
  const isUefi = options.efi_boot || firmware === 'uefi' || code !== undefined;
  if (firmware !== undefined && firmware !== 'uefi' && firmware !== 'bios') {
    requireFile('firmware', firmware);
    return { file: firmware };
  }
  if (!isUefi && (firmware === 'bios' || architecture !== 'aarch64')) return undefined;
  if (code === undefined) {
    const found = await findUefiFirmware(architecture, folder);
    if (vars === undefined) return found;
    requireFile('efi_firmware_vars', vars);
    await copyFile(vars, found.variables);
    return found;
  }
  requireFile('efi_firmware_code', code);
  const template = vars ?? (await variablesOf(code));
  requireFile('efi_firmware_vars', template);
  const variables = join(folder, 'uefi-variables.fd');
  await copyFile(template, variables);
  return { code, variables, format: code.endsWith('.qcow2') ? 'qcow2' : 'raw' };
}

/** The variables that belong to a firmware: as its descriptor says, else beside it by the usual names. */
async function variablesOf(code: string): Promise<string> {
  for (const descriptor of await descriptors(FOLDERS))
    if (descriptor.mapping.executable.filename === code) return descriptor.mapping['nvram-template'].filename;
  return join(dirname(code), basename(code).replace('CODE', 'VARS').replace('.secboot.', '.'));
}

function requireFile(option: string, path: string): void {
  if (existsSync(path)) return;
  throw new FailureError({
    reason: 'tool-missing',
    message: `${option}: there is no firmware ${path} on this host`,
    hint: 'install it, on Debian: apt-get install ovmf',
  });
}

/** Those that can be read, in QEMU's order. */
async function descriptors(folders: readonly string[]): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.json')).toSorted()) {
      const descriptor = await readDescriptor(join(folder, name));
      if (descriptor !== undefined) found.push(descriptor);
    }
  }
  return found;
}

async function readDescriptor(path: string): Promise<Descriptor | undefined> {
  try {
    return descriptorSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Debian 12 describes firmware for arm64 with Secure Boot that it does not have. */
function isThere({ mapping }: Descriptor): boolean {
  return existsSync(mapping.executable.filename) && existsSync(mapping['nvram-template'].filename);
}

function fits(descriptor: Descriptor, architecture: string): boolean {
  const targeted = descriptor.targets.some((target) => target.architecture === architecture);
  const excluded = ['requires-smm', 'enrolled-keys'];
  return (
    targeted &&
    descriptor['interface-types'].includes('uefi') &&
    !descriptor.features.some((feature) => excluded.includes(feature))
  );
}
