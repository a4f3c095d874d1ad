import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isoExporter } from '../../../src/exporters/iso.ts';
import { BOOTABLE_TREE, sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

const LIVE = 'mkdir -p usr/share/initramfs-tools/scripts; : > usr/share/initramfs-tools/scripts/live';

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

async function rigWith(tree: string) {
  const rig = await WorkspaceRig.open();
  const layers = [await rig.layer([], tree)];
  const exported = async (options: object) => {
    const path = join(temporaryFolder(), 'out.tmp');
    const { workspace } = rig;
    const pipeline = { disk: { firmware: 'both', kernelArgs: ['quiet'] } };
    return { path, result: await runExporter(isoExporter, options, path, { layers, workspace, pipeline }) };
  };
  return { rig, layers, exported };
}

/** The tree below the current folder; times apart, which the medium keeps as seconds. */
const LIST = `find . -mindepth 1 -not -type l -printf '%P %y %m %U:%G %T@\\n' | sort
find . -type l -printf '%P -> %l\\n' | sort; find . -type f -exec sha256sum {} + | sort`;

describe.skipIf(noWorkspace)('iso', () => {
  it('is a CD and a disk, with boot loaders for BIOS and UEFI, and the whole tree in a squashfs', async () => {
    const { rig, layers, exported } = await rigWith(`${BOOTABLE_TREE}\n${LIVE}`);
    const { path, result } = await exported({});
    expect(result).toMatchObject({ ok: true });
    const report = run(
      'xorriso',
      '-indev',
      path,
      '-pvd_info',
      '-report_el_torito',
      'plain',
      '-report_system_area',
      'plain',
    );
    expect(report).toMatch(/Volume I[dD] *: SHOP\n/);
    expect(report).toMatch(/El Torito boot img : +1 +BIOS +y +none/);
    expect(report).toMatch(/El Torito boot img : +2 +UEFI +y +none/);
    expect(report).toMatch(/System area summary: MBR .*grub2-mbr/);
    const table = JSON.parse(run('sfdisk', '--json', path)) as {
      partitiontable: { partitions: { type: string; start: number }[] };
    };
    expect(table.partitiontable.partitions.map(({ type }) => type)).toContain('ef');
    const esp = table.partitiontable.partitions.find(({ type }) => type === 'ef');
    expect(run('mdir', '-b', '-i', `${path}@@${(esp?.start ?? 0) * 512}`, '::/EFI/BOOT')).toContain(
      'BOOTX64.EFI',
    );

    const folder = temporaryFolder();
    run('xorriso', '-osirrox', 'on', '-indev', path, '-extract', '/', join(folder, 'medium'));
    expect(readFileSync(join(folder, 'medium', 'live', 'vmlinuz'))).toHaveLength(300_000);
    const tree = join(folder, 'tree');
    run('unsquashfs', '-q', '-n', '-d', tree, join(folder, 'medium', 'live', 'filesystem.squashfs'));
    expect(execFileSync('sh', ['-c', LIST], { cwd: tree, encoding: 'utf8' }).trim()).toBe(
      await rig.merged(layers, LIST),
    );
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(sha256((await exported({})).path)).toBe(sha256(path));
  });

  it.each([
    ['bios', /BIOS +y/, /UEFI/],
    ['uefi', /UEFI +y/, /BIOS +y/],
  ] as const)('boots by %s alone', async (firmware, has, hasNot) => {
    const { exported } = await rigWith(`${BOOTABLE_TREE}\n${LIVE}`);
    const { path, result } = await exported({ firmware, label: 'ONE_2' });
    expect(result).toMatchObject({ ok: true });
    const report = run('xorriso', '-indev', path, '-pvd_info', '-report_el_torito', 'plain');
    expect(report).toMatch(/Volume I[dD] *: ONE_2\n/);
    expect(report).toMatch(has);
    expect(report).not.toMatch(hasNot);
  });

  it('says what the image lacks, before it packs anything', async () => {
    const without = await (await rigWith(BOOTABLE_TREE)).exported({});
    expect(without.result).toMatchObject({
      ok: false,
      failures: [
        {
          reason: 'export-failed',
          message: expect.stringContaining('no live-boot') as string,
          hint: expect.stringContaining('live-boot-initramfs-tools') as string,
        },
      ],
    });
    const bare = await (await rigWith(`${BOOTABLE_TREE}\n${LIVE}\nrm boot/initrd*`)).exported({});
    expect(bare.result).toMatchObject({
      ok: false,
      failures: [{ message: expect.stringContaining('no initial RAM disk') as string }],
    });
    const none = await (await rigWith(`${BOOTABLE_TREE}\nrm -r boot`)).exported({});
    expect(none.result).toMatchObject({ ok: false, failures: [{ reason: 'disk-failed' }] });
  });
});
