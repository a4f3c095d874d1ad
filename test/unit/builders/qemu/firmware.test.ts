import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseFirmware, findUefiFirmware } from '../../../../src/builders/qemu/firmware.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

/** Writes a descriptor as QEMU's packages have them. */
function describeFirmware(folder: string, name: string, code: string, variables: string): void {
  const file = (filename: string) => ({ filename, format: 'raw' });
  const descriptor = {
    'interface-types': ['uefi'],
    mapping: { device: 'flash', executable: file(code), 'nvram-template': file(variables) },
    targets: [{ architecture: 'aarch64', machines: ['virt-*'] }],
    features: [],
  };
  writeFileSync(join(folder, name), JSON.stringify(descriptor));
}

test('firmware that is described and not there is passed over', async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('code.fd'), 'code');
  writeFileSync(at('vars.fd'), 'variables');
  describeFirmware(folder, '50-secure.json', at('missing.fd'), at('vars.fd'));
  describeFirmware(folder, '55-half.json', at('code.fd'), at('missing.fd'));
  describeFirmware(folder, '60-plain.json', at('code.fd'), at('vars.fd'));
  const scratch = temporaryFolder();
  const found = await findUefiFirmware('aarch64', scratch, [folder]);
  expect(found).toMatchObject({ code: at('code.fd'), format: 'raw' });
  expect(readFileSync(found.variables, 'utf8')).toBe('variables');
  await expect(findUefiFirmware('riscv64', scratch, [folder])).rejects.toMatchObject({
    failures: [{ reason: 'tool-missing' }],
  });
});

test('a firmware that is named has the variables beside it, unless others are named', async () => {
  const [folder, scratch] = [temporaryFolder(), temporaryFolder()];
  const at = (name: string): string => join(folder, name);
  for (const name of ['X_CODE.secboot.fd', 'X_VARS.fd', 'own.fd']) writeFileSync(at(name), name);
  const chosen = async (more: object): Promise<string> => {
    const options = { efi_boot: false, efi_firmware_code: at('X_CODE.secboot.fd'), ...more };
    const firmware = await chooseFirmware(options, 'x86_64', scratch);
    if (firmware === undefined || 'file' in firmware) throw new Error('no UEFI');
    expect(firmware.code).toBe(at('X_CODE.secboot.fd'));
    return readFileSync(firmware.variables, 'utf8');
  };
  expect(await chosen({})).toBe('X_VARS.fd');
  expect(await chosen({ efi_firmware_vars: at('own.fd') })).toBe('own.fd');
  await expect(chosen({ efi_firmware_code: at('own.fd'), efi_firmware_vars: at('none') })).rejects.toThrow(
    /efi_firmware_vars: there is no firmware/,
  );
});
