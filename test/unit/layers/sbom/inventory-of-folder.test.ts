import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inventoryOfFolder } from '../../../../src/layers/sbom/inventory-of-folder.ts';

const status = (name: string): string =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n`;

/** A system in a folder, beside which lies what must not be read. */
function system(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
  const top = mkdtempSync(join(tmpdir(), 'imgpipe-inventory-'));
  onTestFinished(() => rmSync(top, { recursive: true }));
  const root = join(top, 'root');
  mkdirSync(root);
  const place = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  mkdirSync(join(top, 'outside/dpkg'), { recursive: true });
  writeFileSync(join(top, 'outside/status'), status('secret'));
  writeFileSync(join(top, 'outside/dpkg/status'), status('secret'));
  for (const [path, text] of Object.entries(files)) writeFileSync(place(path), text);
  for (const [path, target] of Object.entries(links))
    symlinkSync(target.replace('OUTSIDE', join(top, 'outside')), place(path));
  return root;
}

const namesIn = (root: string): string[] =>
  inventoryOfFolder(root, { withFiles: true }).packages.map(({ name }) => name);

test.each([
  ['a file', '/var/lib/dpkg/status', 'OUTSIDE/status'],
  ['a file by a relative way', '/var/lib/dpkg/status', '../../../../outside/status'],
  ['a folder', '/var/lib/dpkg', 'OUTSIDE/dpkg'],
  ['a folder by a relative way', '/var/lib/dpkg', '../../../outside/dpkg'],
])('a link that leads out of the folder to %s is not followed there', (_, path, target) => {
  const root = system({ '/etc/os-release': 'ID=debian\n' }, { [path]: target });
  const inventory = inventoryOfFolder(root, { withFiles: true });
  expect(inventory.packages).toEqual([]);
  expect([...inventory.files.keys()]).toEqual(['/etc/os-release']);
});

test('links lead where they do in the system itself', () => {
  const root = system(
    { '/usr/lib/os-release': 'ID=debian\nVERSION_ID="12"\n', '/srv/dpkg/status': status('web') },
    { '/etc/os-release': '/usr/lib/os-release', '/var/lib/dpkg': '../../../../../srv/dpkg' },
  );
  const inventory = inventoryOfFolder(root, { withFiles: false });
  expect(inventory.packages.map(({ name }) => name)).toEqual(['web']);
  expect(inventory.system).toMatchObject({ id: 'debian' });
  expect(inventory.files.size).toBe(0);
});

test('links in a circle, and folders in the place of files, are nothing to read', () => {
  const circle = system({}, { '/var/lib/dpkg': '/var/lib/other', '/var/lib/other': '/var/lib/dpkg' });
  expect(namesIn(circle)).toEqual([]);
  expect(namesIn(system({ '/var/lib/dpkg/status/file': 'x' }))).toEqual([]);
});

test('lists of packages that are excluded are not read', () => {
  const root = system({ '/var/lib/dpkg/status': status('web') });
  const names = (excluded: readonly string[]): string[] =>
    inventoryOfFolder(root, { withFiles: false, excluded }).packages.map(({ name }) => name);
  expect(names([])).toEqual(['web']);
  expect(names(['./var/**'])).toEqual([]);
});
