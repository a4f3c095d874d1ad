import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dockerArchiveExporter } from '../../../src/exporters/docker-archive.ts';
import { erofsExporter } from '../../../src/exporters/erofs.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { kernelExporter } from '../../../src/exporters/kernel.ts';
import { ociExporter } from '../../../src/exporters/oci.ts';
import { rootfsTarExporter } from '../../../src/exporters/rootfs-tar.ts';
import { squashfsExporter } from '../../../src/exporters/squashfs.ts';
import { ukiExporter } from '../../../src/exporters/uki.ts';
import { wslExporter } from '../../../src/exporters/wsl.ts';
import type { View } from '../../../src/model/layer.ts';
import { BOOTABLE_TREE, sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

/** Three layers: files of all sorts, a layer that changes and hides some of them, and one that does so again. */
const LAYERS = [
  `${BOOTABLE_TREE}
   mkdir -p var/gone/deep opt/app; echo 1 > var/gone/deep/x; echo v1 > opt/app/version; echo old > opt/app/stale
   echo 'a b' > 'opt/app/with blank'; printf x > "opt/app/$(printf 'caf\\303\\251\\\\n')"; mkfifo opt/pipe
   mknod opt/null c 1 3; head -c 200000 /dev/urandom > opt/noise; setfattr -n user.note -v kept opt/app
   mkdir -p etc/kernel/cmdline.d; echo console=ttyS0 > etc/kernel/cmdline.d/50.conf; : > etc/removed`,
  'rm -r var/gone etc/removed; rm -r opt/app; mkdir opt/app; echo v2 > opt/app/version; chown 33:44 opt/app/version',
  'mkdir var/gone; echo back > var/gone/file; rm srv/www/index.html; ln -s ../version opt/app/link',
];

/** Everything about the tree below the current folder that formats must keep. */
const LIST = `find . -mindepth 1 -not -type l -printf '%P %y %m %U:%G %T@\\n' | sed -E 's/\\.0+$//' | sort
find . -type l -printf '%P -> %l\\n' | sort; find . -type f -exec sha256sum {} + | sort
find . -type f -links +1 -printf '%P\\n' | sort; getfattr -R -d -m user. . 2>/dev/null | grep -v '^# file: .*overlay'`;

const list = (folder: string): string =>
  execFileSync('sh', ['-c', LIST], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  }).trim();

async function layersOf(rig: WorkspaceRig): Promise<View> {
  const view: View[number][] = [];
  for (const script of LAYERS) view.push(await rig.layer(view, script));
  return view;
}

async function exported(
  rig: WorkspaceRig,
  layers: View,
  kind: ExporterKind,
  options: object,
): Promise<string> {
  const path = join(temporaryFolder(), `out.${kind.extension(kind.schema.parse(options))}`);
  expect(await runExporter(kind, options, path, { layers, workspace: rig.workspace })).toMatchObject({
    ok: true,
  });
  return path;
}

const sh = (script: string, ...args: string[]): string =>
  execFileSync('sh', ['-ec', script, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe.skipIf(noWorkspace)('exports of the layers', () => {
  it.each([
    ['rootfs-tar', {}, rootfsTarExporter, 'bsdtar -xpf "$0" -C "$1"'],
    ['rootfs-tar', { compression: 'none' }, rootfsTarExporter, 'bsdtar -xpf "$0" -C "$1"'],
    ['rootfs-tar', { compression: 'gz' }, rootfsTarExporter, 'bsdtar -xpf "$0" -C "$1"'],
    ['rootfs-tar', { compression: 'xz', level: 1 }, rootfsTarExporter, 'bsdtar -xpf "$0" -C "$1"'],
    ['wsl', {}, wslExporter, 'bsdtar -xpf "$0" -C "$1"'],
    ['squashfs', {}, squashfsExporter, 'unsquashfs -q -n -f -d "$1" "$0"'],
    [
      'squashfs',
      { compression: 'gzip', blockSize: 4096 },
      squashfsExporter,
      'unsquashfs -q -n -f -d "$1" "$0"',
    ],
  ] as const)('%s %j keeps the whole tree', async (_, options, kind, unpack) => {
    const rig = await WorkspaceRig.open();
    const layers = await layersOf(rig);
    const path = await exported(rig, layers, kind, options);
    const back = join(temporaryFolder(), 'back');
    mkdirSync(back);
    sh(unpack, path, back);
    const tree = await rig.merged(layers, LIST);
    expect(tree).toContain('opt/app/version f 644 33:44');
    expect(tree).toContain('user.note="kept"');
    expect(list(back)).toBe(tree);
  });

  it('erofs keeps the whole tree', async () => {
    const rig = await WorkspaceRig.open();
    const layers = await layersOf(rig);
    const path = await exported(rig, layers, erofsExporter, {});
    const back = join(temporaryFolder(), 'back');
    sh('fsck.erofs --extract="$1" --preserve "$0" 2>&1', path, back);
    expect(sh('dump.erofs -s "$0"', path)).toContain('Wed Jan  1 00:00:00 2025');
    // The reader knows no hard links and no extended attributes.
    const files = `find . -type f -exec sha256sum {} + | sort; find . -mindepth 1 -not -type l -printf '%P %y %m %U:%G\\n' | sort`;
    expect(sh(`cd "$0"; ${files}`, back).trim()).toBe(await rig.merged(layers, files));
  });

  it('oci keeps every layer: skopeo and umoci see the tree, whiteouts and all', async () => {
    const rig = await WorkspaceRig.open();
    const layers = await layersOf(rig);
    const options = {
      tag: 'shop:1.0',
      cmd: ['/bin/true'],
      env: { MODE: 'live' },
      ports: ['80/tcp'],
      labels: { a: 'b' },
    };
    for (const compression of ['gz', 'zstd'] as const) {
      const path = await exported(rig, layers, ociExporter, { ...options, compression });
      const config: unknown = JSON.parse(sh('skopeo inspect --config "oci-archive:$0:shop:1.0"', path));
      expect(config).toMatchObject({
        created: '2025-01-01T00:00:00Z',
        architecture: 'amd64',
        config: { Cmd: ['/bin/true'], Labels: { a: 'b' }, ExposedPorts: { '80/tcp': {} } },
        rootfs: { diff_ids: [expect.any(String), expect.any(String), expect.any(String)] },
      });
      const folder = temporaryFolder();
      // umoci 0.4 reads no zstd; skopeo makes gzip of it, checking every digest on the way.
      const copy =
        'skopeo copy -q --insecure-policy "oci-archive:$0:shop:1.0" "oci:$1/layout:1.0" --dest-compress-format gzip';
      sh(`${copy}; umoci raw unpack --image "$1/layout:1.0" "$1/rootfs"`, path, folder);
      const tree = await rig.merged(layers, LIST);
      expect(list(join(folder, 'rootfs'))).toBe(tree);
    }
  });

  it('oci compresses only layers that no earlier export has', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], LAYERS[0] ?? '');
    const cache = temporaryFolder();
    const [one, two] = await Promise.all(
      ['one', 'two'].map((text) => rig.layer([base], `echo ${text} > etc/page`)),
    );
    const run = async (page: View[number] | undefined, from: string): Promise<string> => {
      const layers = page === undefined ? [base] : [base, page];
      const path = join(temporaryFolder(), 'x.oci.tar');
      const outcome = await runExporter(ociExporter, {}, path, {
        layers,
        workspace: rig.workspace,
        cache: from,
      });
      return outcome.ok ? sha256(path) : outcome.failures.map(({ reason }) => reason).join();
    };
    await run(one, cache);
    expect(readdirSync(cache).filter((name) => /^[0-9a-f]{64}(\.json)?$/.test(name))).toHaveLength(4);
    const anew = await run(two, temporaryFolder());
    const tree = rig.store.treeDirectory(base.digest);
    sh('mv "$0" "$0.away"', tree);
    expect(await run(two, temporaryFolder())).toBe('export-failed');
    expect(await run(two, cache)).toBe(anew);
    sh('mv "$0.away" "$0"', tree);
    const blobs = readdirSync(cache).filter((name) => !name.endsWith('.json'));
    for (const name of blobs) truncateSync(join(cache, name), 50);
    expect(await run(two, cache)).toBe(anew);
  });

  it('docker-archive keeps every layer', async () => {
    const rig = await WorkspaceRig.open();
    const layers = await layersOf(rig);
    const path = await exported(rig, layers, dockerArchiveExporter, { tag: 'shop' });
    const folder = temporaryFolder();
    const copy = 'skopeo copy -q --insecure-policy "docker-archive:$0:shop:latest" "oci:$1/layout:1.0"';
    sh(`${copy}; umoci raw unpack --image "$1/layout:1.0" "$1/rootfs"`, path, folder);
    expect(list(join(folder, 'rootfs'))).toBe(await rig.merged(layers, LIST));
  });

  it('all give the same bytes again, also from another store', async () => {
    const kinds: readonly (readonly [ExporterKind, object])[] = [
      [rootfsTarExporter, {}],
      [squashfsExporter, {}],
      [erofsExporter, {}],
      [ociExporter, {}],
      [dockerArchiveExporter, { tag: 'shop' }],
      [kernelExporter, { args: ['root=LABEL=x'] }],
    ];
    const sums: Record<string, string>[] = [];
    for (const round of [1, 2]) {
      const rig = await WorkspaceRig.open();
      const layers = [await rig.layer([], LAYERS[0]?.replace('/dev/urandom', '/dev/zero') ?? '')];
      layers.push(await rig.layer(layers, LAYERS[1] ?? ''));
      const sum: Record<string, string> = {};
      for (const [kind, options] of kinds)
        sum[kind.type] = sha256(await exported(rig, layers, kind, options));
      sums.push(sum);
      // Times are in whole seconds.
      if (round === 1) await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    expect(sums[1]).toEqual(sums[0]);
  });

  it('kernel packs what a direct boot needs', async () => {
    const rig = await WorkspaceRig.open();
    const layers = await layersOf(rig);
    const path = await exported(rig, layers, kernelExporter, { args: ['root=/dev/vda'] });
    const back = temporaryFolder();
    sh('bsdtar -xpf "$0" -C "$1"', path, back);
    const read = (name: string): string => readFileSync(join(back, name), 'utf8');
    expect(read('cmdline')).toBe('root=/dev/vda quiet console=ttyS0\n');
    expect(read('boot.ipxe')).toBe(
      '#!ipxe\nkernel vmlinuz initrd=initrd.img root=/dev/vda quiet console=ttyS0\ninitrd initrd.img\nboot\n',
    );
    expect(read('vmlinuz')).toHaveLength(300000);
    expect(existsSync(join(back, 'initrd.img'))).toBe(true);
    expect(sh('bsdtar -tvf "$0" --numeric-owner', path)).toMatch(
      /^-rw-r--r-- +0 0 +0 .* Jan +1 +2025 boot.ipxe/m,
    );
  });

  it('uki says that the image has no stub, and no kernel', async () => {
    const rig = await WorkspaceRig.open();
    const outputPath = join(temporaryFolder(), 'x.efi');
    const from = async (script: string) => ({
      layers: [await rig.layer([], script)],
      workspace: rig.workspace,
    });
    expect(await runExporter(ukiExporter, {}, outputPath, await from(BOOTABLE_TREE))).toMatchObject({
      failures: [{ reason: 'export-failed', hint: expect.stringContaining('systemd-boot-efi') as string }],
    });
    expect(await runExporter(ukiExporter, {}, outputPath, await from('mkdir etc'))).toMatchObject({
      failures: [{ reason: 'disk-failed' }],
    });
  });

  it.each([
    ['rootfs-tar', {}, rootfsTarExporter],
    ['squashfs', {}, squashfsExporter],
    ['erofs', {}, erofsExporter],
    ['oci', {}, ociExporter],
  ] as const)('%s stops when the run stops, and says that the disk is full', async (_, options, kind) => {
    const rig = await WorkspaceRig.open();
    const layers = [await rig.layer([], 'head -c 3000000 /dev/urandom > x')];
    const from = { layers, workspace: rig.workspace };
    const folder = temporaryFolder();
    const stopped = await runExporter(kind, options, join(folder, 'out'), {
      ...from,
      signal: AbortSignal.abort(),
    });
    expect(stopped).toMatchObject({ ok: false, failures: [{ reason: 'aborted' }] });
    // /dev/full answers every write with ENOSPC.
    execFileSync('ln', ['-s', '/dev/full', join(folder, 'full')]);
    const full = await runExporter(kind, options, join(folder, 'full'), from);
    expect(full).toMatchObject({
      ok: false,
      failures: [{ reason: expect.stringMatching(/disk-full|export-failed/) as string }],
    });
  });
});
