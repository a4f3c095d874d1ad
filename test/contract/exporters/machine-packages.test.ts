import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { ovaExporter } from '../../../src/exporters/ova.ts';
import { vagrantExporter } from '../../../src/exporters/vagrant.ts';
import { vmwareExporter } from '../../../src/exporters/vmware.ts';
import { sha256 } from '../../rigs/disk.ts';
import { partitionedDisk, runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

let disk = '';
let sum = '';
beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'imgpipe-test-'));
  disk = join(folder, 'disk.raw');
  partitionedDisk(disk);
  sum = sha256(disk);
  return () => rmSync(folder, { recursive: true, force: true });
});

const sh = (script: string, ...args: string[]): string =>
  execFileSync('sh', ['-ec', script, ...args], { encoding: 'utf8' });

/** Exports and unpacks; gives the archive, its members in order and the folder they are in. */
async function unpacked(kind: ExporterKind, options: object, pipeline: object = {}) {
  const path = join(temporaryFolder(), 'out');
  expect(await runExporter(kind, options, path, { disk, pipeline })).toMatchObject({ ok: true });
  const folder = temporaryFolder();
  sh('bsdtar -xpf "$0" -C "$1"', path, folder);
  const members = sh('bsdtar -tf "$0"', path).trim().split('\n');
  return { path, folder, members, read: (name: string) => readFileSync(join(folder, name), 'utf8') };
}

/** SHA-256 of a disk image of any format as qemu-img reads it. */
function rawSum(path: string, format: string): string {
  const back = join(temporaryFolder(), 'back.raw');
  execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', path, back]);
  return sha256(back);
}

const xpath = (file: string, query: string): string =>
  execFileSync('xmllint', ['--xpath', query, file], { encoding: 'utf8' }).trim();
const field = (item: string, name: string): string =>
  `string(//*[local-name()="Item"][*[local-name()="ResourceType"]="${item}"]/*[local-name()="${name}"])`;

describe('packages of machine and disk', () => {
  it('ova: a signed manifest, which openssl checks by its certificate', async () => {
    const keys = temporaryFolder();
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test';
    sh(
      `openssl ${request} -keyout "$0/key" -out "$0/crt" 2>/dev/null; openssl ${request} -keyout "$0/other" -out /dev/null 2>/dev/null`,
      keys,
    );
    const sign = { secret: 'ova_key', certificate: join(keys, 'crt') };
    const run = (key: string, to: string) =>
      runExporter(ovaExporter, { sign }, to, {
        disk,
        secrets: { ova_key: readFileSync(join(keys, key), 'utf8') },
      });
    const path = join(temporaryFolder(), 'out');
    expect(await run('key', path)).toEqual({ ok: true });
    expect(sh('bsdtar -tf "$0"', path).trim().split('\n')).toEqual([
      'shop.ovf',
      'shop.mf',
      'shop.cert',
      'shop-disk1.vmdk',
    ]);
    const folder = temporaryFolder();
    sh('bsdtar -xpf "$0" -C "$1"', path, folder);
    const [, hex = ''] =
      /^SHA256\(shop\.mf\)= ([0-9a-f]+)$/m.exec(readFileSync(join(folder, 'shop.cert'), 'utf8')) ?? [];
    writeFileSync(join(folder, 'signature'), Buffer.from(hex, 'hex'));
    const verify =
      'cd "$0"; openssl x509 -in shop.cert -pubkey -noout >public; openssl dgst -sha256 -verify public -signature signature shop.mf';
    expect(sh(verify, folder)).toContain('Verified OK');
    const again = join(temporaryFolder(), 'out');
    await run('key', again);
    expect(sha256(again)).toBe(sha256(path));
    expect(await run('other', join(temporaryFolder(), 'out'))).toMatchObject({
      ok: false,
      failures: [
        { reason: 'export-failed', message: expect.stringContaining('belongs to another key') as unknown },
      ],
    });
    expect(await run('crt', join(temporaryFolder(), 'out'))).toMatchObject({
      failures: [{ message: expect.stringContaining('no RSA key') as unknown }],
    });
  });

  it('ova: descriptor, manifest, disk, in this order, each digest right', async () => {
    const { folder, members, read } = await unpacked(ovaExporter, { memory: '512MiB', cpus: 3 });
    expect(members).toEqual(['shop.ovf', 'shop.mf', 'shop-disk1.vmdk']);
    for (const [, file = '', digest] of read('shop.mf').matchAll(/^SHA256\((.*)\)= ([0-9a-f]{64})$/gm)) {
      expect(sha256(join(folder, file))).toBe(digest);
    }
    expect(read('shop.mf').trim().split('\n')).toHaveLength(2);
    expect(rawSum(join(folder, 'shop-disk1.vmdk'), 'vmdk')).toBe(sum);
    const ovf = join(folder, 'shop.ovf');
    expect(xpath(ovf, field('3', 'VirtualQuantity'))).toBe('3');
    expect(xpath(ovf, field('4', 'VirtualQuantity'))).toBe('512');
    expect(xpath(ovf, field('20', 'ResourceSubType'))).toBe('AHCI');
    expect(xpath(ovf, field('10', 'ResourceSubType'))).toBe('E1000');
    expect(xpath(ovf, 'string(//@*[local-name()="capacity"])')).toBe(String(96 * 2 ** 20));
    expect(xpath(ovf, 'string(//*[local-name()="Annotation"])')).toBe('Web shop <stable> & more');
    const size = xpath(ovf, 'string(//@*[local-name()="size"])');
    expect(size).toBe(String(readFileSync(join(folder, 'shop-disk1.vmdk')).length));
  });

  it('ova for VMware: firmware, product and licence', async () => {
    const { folder } = await unpacked(
      ovaExporter,
      {
        profile: 'vmware',
        machineName: 'Shop 1.0',
        controller: 'VirtualSCSI',
        networks: [{ name: 'front' }, { name: 'back', adapter: 'E1000' }],
        product: { name: 'Web "shop"', vendor: 'A & B' },
        eula: 'First line\nsecond <line>',
      },
      { disk: { firmware: 'uefi', kernelArgs: [] } },
    );
    const ovf = join(folder, 'Shop 1.0.ovf');
    expect(xpath(ovf, 'string(//*[local-name()="Config"]/@*[local-name()="value"])')).toBe('efi');
    expect(xpath(ovf, 'string(//*[local-name()="VirtualSystemType"])')).toBe('vmx-13');
    expect(xpath(ovf, 'string(//*[local-name()="Product"])')).toBe('Web "shop"');
    expect(xpath(ovf, 'string(//*[local-name()="License"])')).toBe('First line\nsecond <line>');
    expect(xpath(ovf, field('6', 'ResourceSubType'))).toBe('VirtualSCSI');
    expect(xpath(ovf, 'count(//*[local-name()="Network"])')).toBe('2');
  });

  it('vagrant for libvirt', async () => {
    const { folder, read } = await unpacked(vagrantExporter, { provider: 'libvirt', username: 'admin' });
    expect(JSON.parse(read('metadata.json'))).toEqual({
      provider: 'libvirt',
      architecture: 'amd64',
      format: 'qcow2',
      virtual_size: 1,
    });
    expect(rawSum(join(folder, 'box.img'), 'qcow2')).toBe(sum);
    expect(read('Vagrantfile')).toContain("  config.ssh.username = 'admin'\n");
  });

  it('vagrant for VirtualBox', async () => {
    const { folder, members, read } = await unpacked(
      vagrantExporter,
      { provider: 'virtualbox', vagrantfile: 'config.vm.hostname = "shop"' },
      { disk: { firmware: 'uefi', kernelArgs: [] } },
    );
    expect(members.toSorted()).toEqual(['Vagrantfile', 'box-disk001.vmdk', 'box.ovf', 'metadata.json']);
    expect(JSON.parse(read('metadata.json'))).toEqual({ provider: 'virtualbox', architecture: 'amd64' });
    expect(xpath(join(folder, 'box.ovf'), 'string(//@*[local-name()="href"])')).toBe('box-disk001.vmdk');
    expect(rawSum(join(folder, 'box-disk001.vmdk'), 'vmdk')).toBe(sum);
    expect(read('Vagrantfile')).toMatch(/base_mac = '080027[0-9A-F]{6}'[^]*--firmware', 'efi'[^]*hostname/);
  });

  it('vagrant takes the boxes, and what they configure', async () => {
    const home = temporaryFolder();
    const project = temporaryFolder();
    const vagrant = (...args: string[]): string =>
      execFileSync('vagrant', args, {
        cwd: project,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, VAGRANT_HOME: home, VAGRANT_CHECKPOINT_DISABLE: '1' },
      });
    for (const provider of ['libvirt', 'virtualbox', 'vmware_desktop']) {
      const { path } = await unpacked(vagrantExporter, { provider, username: 'admin', memory: '768MiB' });
      const added = vagrant('box', 'add', '--name', 'shop', path);
      expect(added).toContain(`Successfully added box 'shop' (v0) for '${provider}'`);
    }
    writeFileSync(
      join(project, 'Vagrantfile'),
      "Vagrant.configure('2') { |config| config.vm.box = 'shop' }\n",
    );
    expect(vagrant('validate', '--ignore-provider')).toContain('validated successfully');
    sh('for file in "$0"/boxes/shop/0/*/Vagrantfile; do ruby -c "$file"; done', home);
  });

  it.each([
    ['vagrant', { provider: 'vmware_desktop' }, vagrantExporter, 'box.vmx', 'disk.vmdk'],
    ['vmware', {}, vmwareExporter, 'shop/shop.vmx', 'shop/shop.vmdk'],
  ] as const)('%s %j: a VMX beside its disk', async (_, options, kind, vmx, vmdk) => {
    const { folder, read } = await unpacked(kind, options);
    expect(read(vmx)).toContain(`scsi0:0.fileName = "${vmdk.replace('shop/', '')}"\n`);
    expect(read(vmx)).toContain('firmware = "bios"\n');
    expect(readFileSync(join(folder, vmdk)).toString('latin1', 512, 2048)).toContain(
      'createType="monolithicSparse"',
    );
    expect(rawSum(join(folder, vmdk), 'vmdk')).toBe(sum);
  });

  it('all give the same bytes again', async () => {
    const kinds: readonly (readonly [ExporterKind, object])[] = [
      [ovaExporter, {}],
      [vmwareExporter, {}],
      [vagrantExporter, { provider: 'libvirt' }],
      [vagrantExporter, { provider: 'virtualbox' }],
      [vagrantExporter, { provider: 'vmware_desktop' }],
    ];
    const sums: string[][] = [];
    for (const _ of [1, 2]) {
      const round: string[] = [];
      for (const [kind, options] of kinds) round.push(sha256((await unpacked(kind, options)).path));
      sums.push(round);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    expect(sums[1]).toEqual(sums[0]);
  });

  it('ova as a folder has the same files; firmware and guest are what the template says', async () => {
    const options = { profile: 'vmware', firmware: 'uefi', guest: 'debian11_64Guest' };
    const archive = await unpacked(ovaExporter, options);
    const path = join(temporaryFolder(), 'shop.ovf');
    expect(await runExporter(ovaExporter, { ...options, form: 'folder' }, path, { disk })).toMatchObject({
      ok: true,
    });
    sh('diff -r "$0" "$1"', archive.folder, path);
    const descriptor = join(path, 'shop.ovf');
    expect(xpath(descriptor, 'string(//*[local-name()="Config"]/@*[local-name()="value"])')).toBe('efi');
    const system = '//*[local-name()="OperatingSystemSection"]';
    expect(xpath(descriptor, `string(${system}/@*[local-name()="osType"])`)).toBe('debian11_64Guest');
    const box = await unpacked(ovaExporter, { guest: 'Debian_64' });
    const own = `string(${system}/*[local-name()="OSType"])`;
    expect(xpath(join(box.folder, 'shop.ovf'), own)).toBe('Debian_64');
    const settings = { 'serial0.present': 'TRUE', annotation: 'a "b"' };
    const vmx = await unpacked(vmwareExporter, { firmware: 'uefi', guest: 'debian11-64', settings });
    expect(vmx.read('shop/shop.vmx').match(/^serial0\.present.*$/gm)).toEqual(['serial0.present = "TRUE"']);
    expect(vmx.read('shop/shop.vmx')).toContain('annotation = "a |22b|22"');
    expect(vmx.read('shop/shop.vmx')).toMatch(/^guestOS = "debian11-64"\nfirmware = "efi"$/m);
  });
});
