import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { HostInput } from '../../model/host-input.ts';

/** Switches whose whole value is a file that QEMU reads. */
const FILES = new Set(['-kernel', '-initrd', '-dtb', '-bios', '-cdrom', '-fda', '-fdb', '-mtdblock', '-sd']);

/** Switches with a list of settings, some of which name files that QEMU reads. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  '-acpitable': ['data', 'file'],
  '-device': ['romfile'],
  '-fw_cfg': ['file'],
  '-option-rom': ['file'],
  '-smbios': ['file', 'path'],
};

/** The same for disks, which are only read where the settings say so. */
const DISKS: Readonly<Record<string, readonly string[]>> = {
  '-blockdev': ['filename', 'file.filename'],
  '-drive': ['file', 'file.filename'],
};

/**
 * Host files that the machine reads because the user's `qemuargs` name them: part of keys. Left out are disks that the
 * machine may write to, which are another file after each run, and names that are only known when it starts.
 */
export function argumentInputs(switches: readonly (readonly string[])[]): HostInput[] {
  return switches.flatMap(([name = '', value = ''], index) =>
    filesOf(name, value).flatMap((file): HostInput[] => {
      const path = resolve(file);
      const isFile = !file.includes('{{') && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
      return isFile ? [{ path, type: 'file', option: `qemuargs[${index}]`, modes: false }] : [];
    }),
  );
}

function filesOf(name: string, value: string): string[] {
  if (FILES.has(name)) return name === '-initrd' ? value.split(',') : [value];
  // A comma in a value is written twice.
  const settings = value.split(/(?<!,),(?!,)/).map((setting) => {
    const equals = setting.indexOf('=');
    return [setting.slice(0, Math.max(equals, 0)), setting.slice(equals + 1).replaceAll(',,', ',')] as const;
  });
  const has = (key: string, values: readonly string[]): boolean =>
    settings.some(([known, text]) => known === key && values.includes(text));
  const isReadOnly =
    has('readonly', ['on', 'true']) || has('read-only', ['on', 'true']) || has('media', ['cdrom']);
  const readers = DISKS[name] === undefined ? (SETTINGS[name] ?? []) : isReadOnly ? DISKS[name] : [];
  return settings.flatMap(([key, text]) => (readers.includes(key) ? [text] : []));
}
