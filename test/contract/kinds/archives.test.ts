import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ociImageSource } from '../../../src/sources/oci-image.ts';
import { rootfsSource } from '../../../src/sources/rootfs.ts';
import { unpackTar } from '../../../src/sources/tar/unpack.ts';
import { makeTar, type TarEntry } from '../../rigs/make-tar.ts';
import { produceSource } from '../../rigs/produce-source.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, RULES, WorkspaceRig } from '../../rigs/workspace.ts';

/** All that a root file system can hold, as GNU tar packs it. */
const TREE = `
mkdir -p etc usr/lib dev var/empty "a folder"
ln -s usr/lib lib
printf program > usr/lib/ping; chmod 4755 usr/lib/ping
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 usr/lib/ping
printf x > etc/owned; chown 1234:5678 etc/owned; chmod 0640 etc/owned
setfattr -n user.note -v hello etc/owned
ln etc/owned "a folder/hard link"
mknod dev/null c 1 3; mknod etc/device b 7 0
mkfifo var/fifo
printf x > etc/$(printf 'n%.0s' $(seq 150))
chmod 1777 var/empty
touch -d @1000000000 etc/owned`;

function packedTree(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'tree'));
  execFileSync('sh', ['-ec', TREE], { cwd: join(folder, 'tree') });
  const options = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '--sort=name'];
  execFileSync('tar', ['-C', join(folder, 'tree'), ...options, '-cf', join(folder, 'tree.tar'), '.']);
  return folder;
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(noWorkspace !== undefined)(
  `sources from archives${noWorkspace === undefined ? '' : ` (skipped: ${noWorkspace})`}`,
  () => {
    test('rootfs: one layer, however the tar is compressed; owners, modes, capabilities, links as they were', async () => {
      const rig = await WorkspaceRig.open();
      const folder = packedTree();
      const tar = readFileSync(join(folder, 'tree.tar'));
      writeFileSync(join(folder, 'gzip'), gzipSync(tar));
      writeFileSync(join(folder, 'zstd'), zstdCompressSync(tar));
      writeFileSync(join(folder, 'xz'), execFileSync('xz', ['--stdout', join(folder, 'tree.tar')]));
      const plain = await produceSource(rig, rootfsSource, { path: 'tree.tar' }, folder);
      for (const path of ['gzip', 'zstd', 'xz']) {
        const { layer } = await produceSource(rig, rootfsSource, { path }, folder);
        expect(layer, path).toEqual(plain.layer);
      }
      const found = await rig.merged(
        [plain.layer],
        `stat -c '%n %a %u:%g %h %Y' etc/owned 'a folder/hard link' usr/lib/ping var/empty; readlink lib; ls dev etc; stat -c %F var/fifo
      getfattr --absolute-names -d -m - -e hex etc/owned usr/lib/ping | grep -v overlay`,
      );
      expect(found).toContain('etc/owned 640 1234:5678 2 1000000000');
      expect(found).toContain('a folder/hard link 640 1234:5678 2 1000000000');
      expect(found).toMatch(/usr\/lib\/ping 4755 0:0 1 1735689600/);
      expect(found).toContain('var/empty 1777');
      expect(found).toContain('usr/lib\n');
      expect(found).toContain('fifo');
      expect(found).toMatch(/security\.capability=0x0100000200200000/);
      expect(found).toContain('user.note=0x68656c6c6f');
      expect(found).not.toMatch(/^(null|device)$/m);
      expect(plain.log).toContainEqual(expect.stringContaining('2 device nodes left out'));
    });

    test('rootfs: a folder of the tar as the root', async () => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      const inner: TarEntry[] = [
        { name: 'image/etc/a', content: 'x' },
        { name: 'image/etc/b', type: 'link', linkname: 'image/etc/a' },
      ];
      writeFileSync(join(folder, 'deep.tar'), await makeTar(inner));
      const { layer } = await produceSource(
        rig,
        rootfsSource,
        { path: 'deep.tar', stripComponents: 1 },
        folder,
      );
      expect(rig.paths(layer)).toEqual(['/etc d', '/etc/a f', '/etc/b h']);
      await expect(
        produceSource(rig, rootfsSource, { path: 'deep.tar', stripComponents: 3 }, folder),
      ).rejects.toThrow(/leaves nothing/);
    });

    test.each<[string, readonly TarEntry[]]>([
      ['../', [{ name: '../../escaped', content: 'x' }]],
      [
        'an absolute link',
        [
          { name: 'out', type: 'symlink', linkname: '/tmp' },
          { name: 'out/imgpipe-escaped', content: 'x' },
        ],
      ],
    ])('rootfs: nothing is written when an entry escapes by %s', async (_what, entries) => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'bad.tar'), await makeTar([{ name: 'good', content: 'x' }, ...entries]));
      await expect(produceSource(rig, rootfsSource, { path: 'bad.tar' }, folder)).rejects.toMatchObject({
        failures: [{ reason: 'source-failed', message: expect.stringContaining('out of the tree') }],
      });
      expect(existsSync('/tmp/imgpipe-escaped')).toBe(false);
    });

    test('what the scan overlooks is kept in the tree all the same: links out, names with .., device nodes', async () => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'outside'), { recursive: true });
      const link = await makeTar([{ name: 'out', type: 'symlink', linkname: join(folder, 'outside') }]);
      const attempts: Record<string, TarEntry> = {
        'through a link': { name: 'out/escaped', content: 'x' },
        'by its name': { name: `../../../../../../../..${folder}/outside/escaped`, content: 'x' },
        'as a device node': { name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 },
      };
      const target = await rig.workspace.activate([]);
      const unpack = async (tar: Buffer): Promise<void> => {
        writeFileSync(join(folder, 'some.tar'), tar);
        await unpackTar(
          {
            file: join(folder, 'some.tar'),
            compression: 'none',
            scan: { excluded: [], removals: [], entries: 1, sha256: '' },
            target: target.mountPoint,
            name: 'some.tar',
          },
          {
            workspace: rig.workspace,
            scratch: folder,
            signal: AbortSignal.timeout(60_000),
            log: () => undefined,
          },
        );
      };
      await unpack(link);
      for (const [what, entry] of Object.entries(attempts)) {
        await expect(unpack(await makeTar([entry])), what).rejects.toThrow('some.tar cannot be unpacked');
        expect(readdirSync(join(folder, 'outside')), what).toEqual([]);
      }
      expect(rig.paths(await rig.workspace.commit(target, RULES))).toEqual(['/out l']);
    });

    test('rootfs: sizes that no file has, told or held as one hole', async () => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      const told = await makeTar([{ name: 'a', content: 'x' }]);
      // GNU tar's form of sizes that octal digits cannot hold: a set bit, then the number in binary.
      told.fill(0, 124, 136);
      told[124] = 0x80;
      told.writeBigUInt64BE(2n ** 40n, 128);
      told.fill(' ', 148, 156);
      const sum = told.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      told.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      writeFileSync(join(folder, 'told.tar'), told);
      await expect(produceSource(rig, rootfsSource, { path: 'told.tar' }, folder)).rejects.toThrow(
        /told\.tar is not a whole tar/,
      );
      execFileSync('truncate', ['--size=1T', join(folder, 'hole')]);
      for (const format of ['gnu', 'posix']) {
        const tar = ['--sparse', `--format=${format}`, '-cf', join(folder, `${format}.tar`), 'hole'];
        execFileSync('tar', tar, { cwd: folder });
        await expect(
          produceSource(rig, rootfsSource, { path: `${format}.tar` }, folder),
          format,
        ).rejects.toMatchObject({
          failures: [{ reason: 'source-failed', message: expect.stringContaining('cannot be unpacked') }],
        });
      }
    });

    test('rootfs: a damaged file and a missing one', async () => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      const whole = gzipSync(await makeTar([{ name: 'a', content: 'x'.repeat(10_000) }]));
      writeFileSync(join(folder, 'cut.tar.gz'), whole.subarray(0, whole.length / 2));
      await expect(produceSource(rig, rootfsSource, { path: 'cut.tar.gz' }, folder)).rejects.toThrow(
        /cut\.tar\.gz is not a whole tar/,
      );
      await expect(produceSource(rig, rootfsSource, { path: 'gone.tar' }, folder)).rejects.toMatchObject({
        failures: [{ reason: 'input-missing' }],
      });
    });

    const LAYERS: readonly (readonly TarEntry[])[] = [
      [
        { name: 'etc/', type: 'directory' },
        { name: 'etc/kept', content: '1' },
        { name: 'etc/deleted', content: '1' },
        { name: 'opt/old/deep', content: '1' },
        { name: 'srv/was-folder/x', content: '1' },
        { name: 'usr/lib/', type: 'directory' },
        { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
      ],
      [],
      [
        // Folders are in a layer's tar whenever something in them changed, as real builders write them.
        { name: 'etc/', type: 'directory' },
        { name: 'usr/lib/', type: 'directory' },
        { name: 'etc/.wh.deleted', content: '' },
        { name: 'opt/.wh..wh..opq', content: '' },
        { name: 'opt/new', content: '2' },
        { name: 'srv/was-folder', content: 'now a file' },
        { name: 'lib/libx.so', content: '2' },
      ],
    ];
    const MERGED: readonly TarEntry[] = [
      { name: 'etc/', type: 'directory' },
      { name: 'etc/kept', content: '1' },
      { name: 'opt/new', content: '2' },
      { name: 'srv/was-folder', content: 'now a file' },
      { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
      { name: 'usr/lib/libx.so', content: '2' },
    ];

    test('oci-image: layers of a layout and of docker save, as folder and as tar, merge to one tree', async () => {
      const rig = await WorkspaceRig.open();
      const folder = temporaryFolder();
      const tars = await Promise.all(LAYERS.map((entries) => makeTar(entries)));
      writeFileSync(
        join(folder, 'merged.tar'),
        await makeTar([{ name: 'usr/lib/', type: 'directory' }, ...MERGED]),
      );
      const blobs = [gzipSync(tars[0] ?? ''), tars[1] ?? Buffer.alloc(0), zstdCompressSync(tars[2] ?? '')];
      const put = (path: string, bytes: Buffer | string): string => {
        mkdirSync(join(folder, path, '..'), { recursive: true });
        writeFileSync(join(folder, path), bytes);
        return path;
      };
      const blob = (bytes: Buffer | string) => ({
        digest: `sha256:${sha256(bytes)}`,
        path: put(`layout/blobs/sha256/${sha256(bytes)}`, bytes),
      });
      const config = JSON.stringify({
        architecture: 'amd64',
        rootfs: { diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
      });
      const manifest = JSON.stringify({
        config: { digest: blob(config).digest },
        layers: blobs.map((bytes) => ({ digest: blob(bytes).digest })),
      });
      put('layout/index.json', JSON.stringify({ manifests: [{ digest: blob(manifest).digest }] }));
      put('docker/config.json', config);
      tars.forEach((tar, index) => put(`docker/${index}/layer.tar`, tar));
      const Layers = tars.map((_, index) => `${index}/layer.tar`);
      put('docker/manifest.json', JSON.stringify([{ Config: 'config.json', RepoTags: ['x:1'], Layers }]));
      execFileSync('tar', [
        '-C',
        join(folder, 'docker'),
        '-czf',
        join(folder, 'docker.tar.gz'),
        'config.json',
        'manifest.json',
        ...Layers.slice(0, 3),
      ]);

      const merged = await produceSource(rig, rootfsSource, { path: 'merged.tar' }, folder);
      for (const path of ['layout', 'docker', 'docker.tar.gz']) {
        const { layer } = await produceSource(rig, ociImageSource, { path }, folder);
        expect(rig.manifest(layer), path).toEqual(rig.manifest(merged.layer));
      }

      put('docker/2/layer.tar', tars[0] ?? '');
      await expect(produceSource(rig, ociImageSource, { path: 'docker' }, folder)).rejects.toThrow(
        /layer 3 does not have the digest/,
      );
    });
  },
);
