import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { planDiskFrom, type DiskPlan } from '../../../src/exporters/disk/plan-disk.ts';
import type { ManifestEntry } from '../../../src/layers/manifest.ts';
import type { DiskRequest } from '../../../src/model/disk-request.ts';
import { asDigest } from '../../../src/model/ids.ts';
import { sha256Hex } from '../../../src/util/hash.ts';
import { file, folder, whiteout } from './entries.ts';

const MIB = 2 ** 20;
const root = folder('/');
const etc = folder('/etc');
const base: ManifestEntry[] = [
  root,
  folder('/boot'),
  file('/boot/initrd.img-6.1', { size: 20 * MIB }),
  file('/boot/vmlinuz-6.1', { size: 8 * MIB }),
  etc,
  file('/etc/passwd'),
  folder('/srv'),
  file('/srv/index.html', { sha256: 'b'.repeat(64) }),
];
const seal: ManifestEntry[] = [root, etc, file('/etc/machine-id', { size: 0, mode: 0o444 })];
const page = (content: string, size = 10): ManifestEntry[] => [
  root,
  folder('/srv'),
  file('/srv/index.html', { size, sha256: sha256Hex(content) }),
];

function plan(
  layers: readonly (readonly ManifestEntry[])[],
  candidates: readonly number[],
  over: {
    spec?: Partial<DiskRequest['spec']>;
    request?: Partial<DiskRequest>;
    tools?: Record<string, string>;
  } = {},
) {
  const store = new Map(
    layers.map((entries) => [asDigest(`sha256:${sha256Hex(JSON.stringify(entries))}`), entries]),
  );
  const request: DiskRequest = {
    layers: layers.map((entries) => ({
      digest: asDigest(`sha256:${sha256Hex(JSON.stringify(entries))}`),
      size: 0,
      entries: entries.length,
    })),
    deltaCandidates: candidates,
    spec: { size: 'fit', free: 64 * MIB, espSize: 64 * MIB, firmware: 'both', kernelArgs: [], ...over.spec },
    architecture: 'amd64',
    sourceDateEpoch: 1_735_689_600,
    seed: 'web',
    ...over.request,
  };
  const tools = { versions: over.tools ?? { mke2fs: '1.47.0' }, grub: {} };
  return planDiskFrom(request, (digest) => store.get(digest) ?? [], tools);
}

const keys = ({ diskKey, baseKey }: DiskPlan) => ({ diskKey, baseKey });

describe('planDisk', () => {
  it('leaves the base alone when a delta file gets other content', () => {
    const before = keys(unwrap(plan([base, page('one'), seal], [1])));
    const after = keys(unwrap(plan([base, page('two', 5000), seal], [1])));
    expect(after.baseKey).toBe(before.baseKey);
    expect(after.diskKey).not.toBe(before.diskKey);
  });

  it('masks what the delta replaces and patches it in, root folder last', () => {
    const { delta, baseLayers, deltaLayers } = unwrap(plan([base, page('one'), seal], [1]));
    expect(delta.maskPaths).toEqual(['/srv/index.html']);
    expect(delta.maskedFolders).toEqual([{ path: '/srv', mtime: 1_735_689_600 }]);
    expect(delta.operations.map(({ type, path }) => `${type} ${path}`)).toEqual([
      'write-file /srv/index.html',
      'set-attributes /srv',
      'set-attributes /srv/index.html',
      'set-attributes /',
    ]);
    expect([baseLayers.length, deltaLayers.length]).toEqual([2, 1]);
  });

  it.each([
    ['a base layer', plan([[...base, file('/x')], page('one'), seal], [1])],
    ['the paths of the delta', plan([base, [root, etc, whiteout('/etc/passwd')], seal], [1])],
    ['the version of a tool', plan([base, page('one'), seal], [1], { tools: { mke2fs: '1.47.1' } })],
    ['the kernel arguments', plan([base, page('one'), seal], [1], { spec: { kernelArgs: ['quiet'] } })],
    ['the seed', plan([base, page('one'), seal], [1], { request: { seed: 'db' } })],
    ['the time', plan([base, page('one'), seal], [1], { request: { sourceDateEpoch: 1 } })],
  ])('makes another base with %s', (_, other) => {
    const before = keys(unwrap(plan([base, page('one'), seal], [1])));
    const after = keys(unwrap(other));
    expect(after.baseKey).not.toBe(before.baseKey);
    expect(after.diskKey).not.toBe(before.diskKey);
  });

  it('makes another base with LVM, and with another group, volume or free space in it', () => {
    const withLvm = [...base, folder('/usr'), folder('/usr/sbin'), file('/usr/sbin/lvm')];
    const srv = { mount: '/srv', fileSystem: 'ext4', size: 'fit', free: MIB } as const;
    const specs = [
      {},
      { lvm: { group: 'one' } },
      { lvm: { group: 'two' } },
      { lvm: { group: 'one', free: 40 * MIB }, size: 256 * MIB },
      { lvm: { group: 'one' }, size: 256 * MIB },
      { lvm: { group: 'one' }, partitions: [srv] },
      { lvm: { group: 'one' }, partitions: [{ ...srv, name: 'web' }] },
      { lvm: { group: 'one' }, partitions: [{ ...srv, lvm: false }] },
    ];
    const made = specs.map((spec) => keys(unwrap(plan([withLvm, seal], [], { spec }))));
    expect(new Set(made.map(({ baseKey }) => baseKey)).size).toBe(specs.length);
    expect(new Set(made.map(({ diskKey }) => diskKey)).size).toBe(specs.length);
  });

  it.each(['/etc/kernel/cmdline', '/etc/kernel/cmdline.d/50-web.conf'])(
    'makes another base when the delta holds kernel arguments and they change: %s',
    (path) => {
      const commandLine = (content: string) => [
        root,
        etc,
        folder('/etc/kernel'),
        ...(path.includes('.d/') ? [folder('/etc/kernel/cmdline.d')] : []),
        file(path, { sha256: sha256Hex(content) }),
      ];
      const one = unwrap(plan([base, commandLine('quiet'), seal], [1]));
      const two = unwrap(plan([base, commandLine('debug'), seal], [1]));
      expect(one.deltaLayers).toHaveLength(1);
      expect(two.baseKey).not.toBe(one.baseKey);
    },
  );

  it('fits the disk to the files, the free space and the ESP, in steps', () => {
    const small = unwrap(plan([base, seal], []));
    expect(small.layout.size % (16 * MIB)).toBe(0);
    expect(small.layout.root.sectors * 512).toBeGreaterThan(28 * MIB + 64 * MIB);
    const large = unwrap(plan([base, seal], [], { spec: { free: 1024 * MIB } }));
    expect(large.layout.size - small.layout.size).toBeGreaterThan(950 * MIB);
  });

  it('refuses a disk into which the files do not fit, and says how much is missing', () => {
    const result = plan([base, seal], [], { spec: { size: 100 * MIB } });
    expect(result).toMatchObject({ ok: false, failures: [{ reason: 'image-too-large' }] });
    expect(result).toMatchObject({
      failures: [{ message: expect.stringMatching(/100 MiB by about \d+ MiB/) as string }],
    });
  });

  it('needs a kernel', () => {
    expect(plan([[root, etc], seal], [])).toMatchObject({ ok: false, failures: [{ reason: 'disk-failed' }] });
  });

  it.each([
    ['bios', ['bios', 'root']],
    ['uefi', ['esp', 'root']],
    ['both', ['bios', 'esp', 'root']],
  ] as const)('makes the partitions that %s needs, aligned and apart', (firmware, names) => {
    const { layout } = unwrap(plan([base, seal], [], { spec: { firmware } }));
    expect(layout.table.partitions.map(({ name }) => name)).toEqual(names);
    let end = 2048;
    for (const { start, sectors } of layout.table.partitions) {
      expect(start).toBe(end);
      expect(start % 2048).toBe(0);
      end = start + sectors;
    }
    expect(end).toBeLessThanOrEqual(layout.table.diskSectors - 33);
  });

  it('refuses a kernel in the EFI system partition', () => {
    expect(plan([base, seal], [], { spec: { espMount: '/boot' } })).toMatchObject({
      ok: false,
      failures: [{ reason: 'disk-failed', hint: expect.stringContaining('/boot/efi') as string }],
    });
    expect(plan([base, seal], [], { spec: { espMount: '/boot/efi' } }).ok).toBe(true);
  });

  it('gives no two file systems the same label', () => {
    const mounts = ['/var/lib/docker-one', '/var/lib/docker-two', '/root', '/var-lib-dock', '/srv'];
    const partitions = mounts.map((mount) => {
      return { mount, fileSystem: 'ext4', size: 'fit', free: MIB } as const;
    });
    const { layout } = unwrap(plan([base], [], { spec: { partitions } }));
    const names = layout.volumes?.map(({ name }) => name);
    expect(names).toEqual(['var-lib-dock', 'var-lib-do-2', 'root-2', 'var-lib-do-3', 'srv']);
  });
});
