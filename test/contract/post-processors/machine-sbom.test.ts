import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../../src/model/artifact.ts';
import type { PostContext } from '../../../src/post-processors/post-processor.ts';
import { sbomPostProcessor } from '../../../src/post-processors/sbom.ts';
import { runHostCommand } from '../../../src/util/exec.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

/** A system in the current folder, with a package that owns a program by the old name of its folder. */
const SYSTEM = `mkdir -p usr/bin usr/lib etc var/lib/dpkg/info 'with blank' lost dev; ln -s usr/bin bin
printf 'ID=debian\\nVERSION_ID="12"\\nPRETTY_NAME="Debian 12"\\n' > usr/lib/os-release; ln -s ../usr/lib/os-release etc/
printf 'Package: page\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 1.0\\n' > var/lib/dpkg/status
printf '/.\\n/bin\\n/bin/page\\n' > var/lib/dpkg/info/page.list; echo program > usr/bin/page; ln -s /etc/passwd etc/out
echo own > 'with blank/own'; chmod 4755 usr/bin/page; ln usr/bin/page usr/bin/again`;

/** Disks with the system in a partition that is not the first, by the commands that make them of the folder \`$0\`. */
const ROOT = 'mke2fs -q -t ext4 -d "$0" root 40M; truncate -s 64M disk';
const PUT = 'dd if=root of=disk bs=1M seek=20 conv=notrunc,sparse status=none';
const DISKS = {
  'qcow2, GPT': `${ROOT}; printf 'label: gpt\\nstart=2048,size=10M\\nstart=40960,size=81920\\n' | sfdisk -q disk; ${PUT}
    qemu-img convert -f raw -O qcow2 disk image`,
  'raw, MBR': `${ROOT}; printf 'label: dos\\nstart=2048,size=10M,type=82\\nstart=40960,size=81920\\n' | sfdisk -q disk; ${PUT}; mv disk image`,
  'vmdk, no table': `${ROOT}; qemu-img convert -f raw -O vmdk root image`,
} as const;

interface Bill {
  readonly packages: {
    name: string;
    versionInfo?: string;
    externalRefs?: { referenceLocator: string }[];
  }[];
  readonly files: { fileName: string; checksums: { checksumValue: string }[] }[];
}

/** Makes an artifact of a system's folder by a command, and its bill of materials. */
async function billOf(script: string, { files = true, builderId = 'imgpipe.qcow2' } = {}) {
  const system = temporaryFolder();
  execFileSync('sh', ['-ec', SYSTEM], { cwd: system });
  const work = temporaryFolder();
  execFileSync('sh', ['-ec', script, system], { cwd: work });
  const [stage, scratch] = ['stage', 'scratch with blank'].map((name) => join(work, name));
  mkdirSync(stage ?? '');
  mkdirSync(scratch ?? '');
  const path = join(work, 'image');
  const artifact: Artifact = { files: [{ path, size: 1, sha256: 'a'.repeat(64) }], builderId, id: path };
  const context = {
    pipeline: { id: 'web', name: 'web', sourceDateEpoch: 1_700_000_000 },
    layers: { view: [] },
    workspace: { spawn: runHostCommand },
    signal: new AbortController().signal,
    log: () => undefined,
    stage,
    scratch,
  } as unknown as PostContext;
  const result = await sbomPostProcessor.run(sbomPostProcessor.schema.parse({ files }), artifact, context);
  if (!result.ok) return { failures: result.failures };
  const made = result.value.files.find((file) => file.path.endsWith('image.spdx.json'));
  return { bill: JSON.parse(readFileSync(made?.path ?? '', 'utf8')) as Bill };
}

const FILES = [
  './usr/bin/again',
  './usr/bin/page',
  './usr/lib/os-release',
  './var/lib/dpkg/info/page.list',
  './var/lib/dpkg/status',
  './with blank/own',
];

describe('a bill of materials of what a machine left', () => {
  it.each(Object.entries(DISKS))('%s: packages and files of its disk', async (_, script) => {
    const { bill } = await billOf(script);
    expect(bill?.packages.map(({ name, versionInfo }) => [name, versionInfo])).toEqual([
      ['web', undefined],
      ['page', '1.0'],
    ]);
    expect(bill?.files.map(({ fileName }) => fileName).toSorted()).toEqual(FILES);
    const page = bill?.files.find(({ fileName }) => fileName === './usr/bin/page');
    const sha256 = createHash('sha256').update('program\n').digest('hex');
    expect(page?.checksums.at(-1)?.checksumValue).toBe(sha256);
  });

  it('packages alone, of which only their list is read', async () => {
    const { bill } = await billOf(DISKS['qcow2, GPT'], { files: false });
    expect(bill?.packages.map(({ name }) => name)).toEqual(['web', 'page']);
    expect(bill?.packages[1]?.externalRefs?.[0]?.referenceLocator).toBe(
      'pkg:deb/debian/page@1.0?arch=amd64&distro=debian-12',
    );
    expect(bill?.files ?? []).toEqual([]);
  });

  it('a container that was exported', async () => {
    const script = 'mknod "$0/dev/null" c 1 3; tar -cf image -C "$0" .';
    const { bill } = await billOf(script, { builderId: 'packer.docker' });
    expect(bill?.packages.map(({ name }) => name)).toEqual(['web', 'page']);
    expect(bill?.files.map(({ fileName }) => fileName).toSorted()).toEqual(FILES);
  });

  it.each([
    ['another file system', 'mkfs.xfs -q -d file,name=image,size=300m'],
    ['a packed disk', 'mke2fs -q -t ext4 -d "$0" root 40M; gzip -c root > image'],
  ])('says of %s that it is not read', async (_, script) => {
    expect(await billOf(script)).toMatchObject({
      failures: [
        { reason: 'post-failed', message: expect.stringContaining('no ext4 file system') as string },
      ],
    });
  });
});
