import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packerSbomKind, type PackerSbomOptions } from '../../../../src/provisioners/packer/hcp-sbom.ts';
import { runPackerSbom } from '../../../../src/provisioners/packer/run-hcp-sbom.ts';
import { FakeCommunicator, FakeDrivenMachine } from '../../../rigs/fake-communicator.ts';
import { stepRunContext } from '../../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u8
Description: GNU C Library

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

`;
const DEBIAN = {
  '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
  '/var/lib/dpkg/status': STATUS,
};
const CYCLONEDX = '{"bomFormat": "CycloneDX", "specVersion": "1.6"}';

async function run(
  options: Record<string, unknown>,
  machineFiles: Readonly<Record<string, string>> = {},
  directory = temporaryFolder(),
) {
  const parsed = packerSbomKind.schema.parse({ packer_build_name: 'web', ...options }) as PackerSbomOptions;
  const communicator = new FakeCommunicator();
  for (const [file, content] of Object.entries(machineFiles)) communicator.files.set(file, content);
  const context = stepRunContext(directory);
  const machine = new FakeDrivenMachine(communicator, {}, machineFiles);
  const result = await runPackerSbom(parsed, machine, context);
  return { result, logged: context.logged, directory, calls: communicator.calls };
}

const read = (directory: string, ...names: readonly string[]): unknown =>
  JSON.parse(readFileSync(join(directory, ...names), 'utf8'));

describe('packer-hcp-sbom', () => {
  test("makes CycloneDX of the machine's packages; nothing runs in the machine", async () => {
    const { directory, calls, result } = await run(
      { auto_generate: true, destination: 'deep/sbom.json' },
      DEBIAN,
    );
    expect(result.ok).toBe(true);
    expect(calls).toEqual([]);
    expect(read(directory, 'deep', 'sbom.json')).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { name: 'web', version: '12' } },
      components: [
        { name: 'libc6', purl: 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u8?arch=amd64&distro=debian-12' },
      ],
    });
  });

  test('SPDX, of a folder that holds another system, with packages of apk', async () => {
    const { directory } = await run(
      {
        auto_generate: true,
        destination: 'x',
        scanner_args: ['-o', 'spdx-json'],
        scan_path: '/mnt/',
        sbom_name: 'alp',
      },
      {
        '/mnt/lib/apk/db/installed': 'P:musl\nV:1.2.5-r0\nA:x86_64\nT:the musl c library\no:musl\n\n',
        '/mnt/etc/os-release': 'ID=alpine\nVERSION_ID=3.20.0\n',
      },
    );
    expect(read(directory, 'x')).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      name: 'alp',
      packages: [
        { name: 'alp' },
        {
          name: 'musl',
          versionInfo: '1.2.5-r0',
          externalRefs: [
            { referenceLocator: 'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.0' },
          ],
        },
      ],
    });
  });

  test.each([
    ['a folder', 'there'],
    ['a path with a slash', 'new/'],
  ])('copies one of the machine into %s', async (_what, destination) => {
    const directory = temporaryFolder();
    mkdirSync(join(directory, 'there'));
    const options = { source: '/tmp/s.json', destination };
    await run(options, { '/tmp/s.json': CYCLONEDX }, directory);
    await run(options, { '/tmp/s.json': CYCLONEDX }, directory);
    const names = readdirSync(join(directory, destination));
    expect(names).toEqual([expect.stringMatching(/^packer-user-sbom-\d+\.json$/)]);
    expect(readFileSync(join(directory, destination, names[0] ?? ''), 'utf8')).toBe(CYCLONEDX);
  });

  test.each<[string, Record<string, unknown>, Record<string, string>, string]>([
    ['is not there', { source: '/none' }, {}, 'Failed to download SBOM file: /none is not in the machine'],
    ['is something else', { source: '/s' }, { '/s': '{"a": 1}' }, 'neither SPDX nor CycloneDX'],
    ['is no JSON', { source: '/s' }, { '/s': 'spdxVersion' }, 'neither SPDX nor CycloneDX'],
    ['cannot be made', { auto_generate: true }, {}, 'SBOM generation failed: no package is installed'],
    [
      'cannot be written',
      { source: '/s', destination: 'file/x' },
      { '/s': CYCLONEDX },
      'Failed to download SBOM file: ',
    ],
  ])('one that %s does not end the build', async (_what, options, files, message) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'file'), '');
    const { result, logged } = await run(options, files, directory);
    expect(result.ok).toBe(true);
    expect(logged.join('\n')).toContain(message);
    expect(logged.at(-1)).toBe('Build will continue without SBOM');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  test('without a destination nothing is kept, and that is said', async () => {
    const { directory, logged } = await run({ source: '/s' }, { '/s': '{"spdxVersion": "SPDX-2.3"}' });
    expect(readdirSync(directory)).toEqual([]);
    expect(logged).toEqual(['There is no destination: the bill of materials (SPDX) is not kept']);
  });

  test('it changes nothing in the machine and runs every time', () => {
    const options = packerSbomKind.schema.parse({ auto_generate: true });
    expect(packerSbomKind.reach?.(options)).toBe('reads');
    expect(packerSbomKind.untracked?.(options)).toBeDefined();
  });
});
