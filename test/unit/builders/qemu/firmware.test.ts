import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findUefiFirmware } from '../../../../src/builders/qemu/firmware.ts';
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
