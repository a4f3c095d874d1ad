import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildDisk, buildDiskBase } from '../../../src/exporters/disk/build-disk.ts';
import { makeDiskPatch } from '../../../src/exporters/disk/sparse-patch.ts';
import { dataOf } from '../../../src/exporters/disk-image.ts';
import type { DiskPlan } from '../../../src/exporters/disk/plan-disk.ts';
import type { LayerRef } from '../../../src/model/layer.ts';
import { BOOTABLE_TREE, checkRoot, debugfs, DiskRig, sha256 } from '../../rigs/disk.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

const SEAL = ': > etc/machine-id';

/**
 * Paths, types, modes, owners, times, sizes and contents below the current folder. Without set-id and sticky bits:
 * debugfs loses them when it copies a tree out.
 */
const LIST = `find . -mindepth 1 -not -path './lost+found*' -not -type l -printf '%P %y %m %U:%G %T@\\n' |
sed -E 's/ ([a-z]) [0-7]([0-7]{3}) / \\1 \\2 /' | sort
find . -type l -printf '%P -> %l\\n' | sort; find . -type f -not -path './lost+found*' -exec sha256sum {} + | sort`;

/** The tree that the root file system of a disk holds, in the form of LIST. */
function listDisk(plan: DiskPlan, disk: string, folder: string): string {
  mkdirSync(folder);
  debugfs(plan, disk, `rdump / ${folder}`);
  return execFileSync('sh', ['-c', LIST], { cwd: folder, encoding: 'utf8' }).trim();
}

describe.skipIf(noWorkspace)('disk', () => {
  it('holds the merged tree of its layers, with a clean file system and partition table', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const base = await rig.layer([], BOOTABLE_TREE);
    const page = await rig.layer(
      [base],
      'echo new > srv/www/index.html; mkdir -p srv/a/b; ln -s ../x srv/a/b/l; : > srv/a/empty; rm etc/old; : > srv/tool; chown 5:70000 srv/tool; chmod 4755 srv/tool',
    );
    const seal = await rig.layer([base, page], SEAL);
    const plan = await disks.plan(disks.request([base, page, seal], [1]));
    expect(plan.deltaLayers).toHaveLength(1);
    const disk = await disks.patched(plan, await disks.base(plan));
    expect(checkRoot(plan, disk)).toContain('Pass 5');
    expect(execFileSync('sfdisk', ['--verify', disk], { encoding: 'utf8' })).toContain('No errors detected');
    expect(listDisk(plan, disk, join(disks.folder, 'tree'))).toBe(await rig.merged([base, page, seal], LIST));
    expect(debugfs(plan, disk, 'ea_list /etc/passwd')).toContain('user.note (4) = "kept"');
    expect(debugfs(plan, disk, 'stat /etc/second')).toMatch(/Links: 2/);
    expect(debugfs(plan, disk, 'stat /srv/log')).toMatch(/Mode: +02750/);
    expect(debugfs(plan, disk, 'stat /srv/tool')).toMatch(/Mode: +04755[^]*User: +5 +Group: +70000/);
  });

  it('keeps no byte of a file that the delta replaced', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const base = await rig.layer([], `${BOOTABLE_TREE}\necho the-secret-of-yesterday > srv/www/index.html`);
    const page = await rig.layer([base], 'echo today > srv/www/index.html');
    const disk = await disks.full(disks.request([base, page], [1]));
    expect(
      execFileSync('sh', ['-c', 'grep -c the-secret-of-yesterday "$0" || :', disk], {
        encoding: 'utf8',
      }).trim(),
    ).toBe('0');
  });

  it('has the same bytes from nothing, from a cached base, and from another store', async () => {
    const page = 'echo new > srv/www/index.html; mkdir -p srv/www/x; echo y > srv/www/x/y';
    const sums: string[] = [];
    for (const _ of [1, 2]) {
      const rig = await WorkspaceRig.open();
      const disks = new DiskRig(rig);
      const base = await rig.layer([], BOOTABLE_TREE);
      const first = await rig.layer(
        [base],
        'echo other > srv/www/index.html; mkdir -p srv/www/x; echo zzz > srv/www/x/y',
      );
      const second = await rig.layer([base], page);
      const seal = await rig.layer([base, second], SEAL);
      const cached = await disks.base(await disks.plan(disks.request([base, first, seal], [1])));
      const request = disks.request([base, second, seal], [1]);
      sums.push(
        sha256(await disks.patched(await disks.plan(request), cached)),
        sha256(await disks.full(request)),
      );
    }
    expect(new Set(sums).size).toBe(1);
  });

  it('is clean, right and the same again for random deltas', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const base = await rig.layer([], BOOTABLE_TREE);
    const path = fc.constantFrom(
      'srv/www/index.html',
      'srv/n',
      'srv/d/e/f',
      'srv/d/g',
      'etc/passwd',
      'etc/second',
      'usr/share/doc/7',
      'empty/x',
      'long/er/path',
    );
    const change = fc.oneof(
      fc
        .tuple(
          path,
          fc.nat(3).map((power) => 60 ** power),
        )
        .map(
          ([file, size]) =>
            `mkdir -p "$(dirname ${file})"; rm -rf ${file}; head -c ${size} /dev/zero | tr "\\0" x > ${file}`,
        ),
      fc
        .tuple(path, fc.constantFrom(5, 59, 60, 300))
        .map(
          ([file, length]) =>
            `mkdir -p "$(dirname ${file})"; rm -rf ${file}; ln -s ${'t'.repeat(length)} ${file}`,
        ),
      path.map((file) => `rm -rf ${file}`),
      fc
        .nat(200)
        .map(
          (count) =>
            `mkdir -p many; for i in $(seq ${count}); do : > many/file-with-a-rather-long-name-$i; done`,
        ),
      path.map(
        (file) =>
          `mkdir -p "$(dirname ${file})"; touch ${file}; chown 1234:70000 ${file}; chmod 4711 ${file}`,
      ),
    );
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
        async (steps) => {
          const layers: LayerRef[] = [base];
          for (const step of steps) layers.push(await rig.layer(layers, step.join('\n')));
          const request = disks.request(layers, layers.map((_, index) => index).slice(1), {
            firmware: 'bios',
          });
          const plan = await disks.plan(request);
          const disk = await disks.patched(plan, await disks.base(plan));
          checkRoot(plan, disk);
          number += 1;
          expect(listDisk(plan, disk, join(disks.folder, `tree-${number}`))).toBe(
            await rig.merged(layers, LIST),
          );
          expect(sha256(await disks.full(request))).toBe(sha256(disk));
          const image = await disks.patch(plan, await disks.base(plan));
          if (image === undefined) throw new Error('patched in a copy only');
          expect(sha256(await disks.materialised(image))).toBe(sha256(disk));
          expect(dataOf(image)).toEqual(await disks.data(disk));
        },
      ),
      { numRuns: 6, endOnFailure: true },
    );
  });

  it('patches block groups that were empty, folders with an index and several blocks, and long links', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const fill = 'head -c 118M /dev/zero | tr "\\0" x > fill; mkdir -p large; cd large';
    const names =
      'i=0; while [ $i -lt 2500 ]; do i=$((i+1)); : > a-name-that-is-long-enough-to-fill-blocks-$i; done';
    const base = await rig.layer([], `${BOOTABLE_TREE}\n${fill}; ${names}`);
    const delta = [
      'for i in $(seq 15); do head -c 1000000 /dev/urandom > etc/random-$i; done',
      'mkdir -p large srv/new/deep; for i in $(seq 300); do echo $i > large/another-name-that-is-long-$i; done',
      `ln -s ${'t'.repeat(500)} srv/new/deep/link; rm srv/www/index.html`,
    ];
    const page = await rig.layer([base], delta.join('\n'));
    const plan = await disks.plan(
      disks.request([base, page], [1], { size: 300 * 2 ** 20, firmware: 'bios' }),
    );
    expect(plan.deltaLayers).toHaveLength(1);
    const basePath = await disks.base(plan);
    const image = await disks.patch(plan, basePath);
    if (image === undefined) throw new Error('patched in a copy only');
    const groupBytes = 128 * 2 ** 20;
    expect(image.patch.some(({ offset }) => offset > plan.layout.root.start * 512 + groupBytes)).toBe(true);
    const patched = await disks.patched(plan, basePath);
    checkRoot(plan, patched);
    execFileSync('cmp', [await disks.materialised(image), patched]);
    const changed = image.patch.reduce((bytes, run) => bytes + run.bytes.length, 0);
    expect(changed).toBeLessThan(17 * 2 ** 20);
  });

  it('says that files do not fit, also when only the patch does not', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const base = await rig.layer([], `${BOOTABLE_TREE}\nhead -c 60M /dev/zero | tr "\\0" x > big`);
    const page = await rig.layer([base], 'head -c 10M /dev/zero | tr "\\0" y > page');
    const plan = await disks.plan(disks.request([base, page], [1], { size: 160 * 2 ** 20 }));
    const { root } = plan.layout;
    // A plan that is too hopeful, as when directories take more than planned: first for the base, then for the patch.
    const shrunk = (mebibytes: number): DiskPlan => ({
      ...plan,
      layout: { ...plan.layout, root: { ...root, sectors: mebibytes * 2048 } },
    });
    const tooSmall = {
      ok: false,
      failures: [{ reason: 'image-too-large', hint: expect.stringContaining('disk.size') as string }],
    };
    expect(await buildDiskBase(shrunk(50), disks.context())).toMatchObject(tooSmall);
    const tight = shrunk(74);
    const basePath = await disks.base(tight);
    expect(await buildDisk(tight, { ...disks.context(), basePath })).toMatchObject(tooSmall);
    expect(await makeDiskPatch(tight, { ...disks.context(), basePath })).toMatchObject(tooSmall);
  });

  it('stops when the run stops', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const base = await rig.layer([], BOOTABLE_TREE);
    const plan = await disks.plan(disks.request([base], []));
    const abort = new AbortController();
    abort.abort();
    expect(await buildDiskBase(plan, { ...disks.context(), signal: abort.signal })).toMatchObject({
      ok: false,
      failures: [{ reason: 'aborted' }],
    });
  });
});
